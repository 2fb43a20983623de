mod crowd;
mod listen;
mod pool;
mod pump;
mod rows;
mod stage;
