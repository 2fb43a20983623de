mod stage;

mod chance;
mod hostile;
mod input;
mod listen;
mod rows;
mod tasks;
