mod stage;

mod chance;
mod input;
mod listen;
mod rows;
