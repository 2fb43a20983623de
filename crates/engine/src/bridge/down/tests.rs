mod crowd;
mod hostile;
mod listen;
mod pool;
mod pump;
mod rows;
mod stage;
