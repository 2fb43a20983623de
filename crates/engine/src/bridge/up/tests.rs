mod stage;

mod input;
mod listen;
mod rows;
