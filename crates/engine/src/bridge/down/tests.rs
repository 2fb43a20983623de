mod crowd;
mod extensions;
mod hostile;
mod listen;
mod pool;
mod pump;
mod rows;
mod stage;
