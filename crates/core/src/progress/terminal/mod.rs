//! Bars and spinners for a person at a terminal.
//!
//! `rows` decides what exists, `layout` how wide it is, `board` fills indicatif's bars with it, and `canvas` brings
//! their lines to the terminal in one write. [`ProgressReporter`] is the face of these; [`Terminal`] feeds it events.

mod board;
mod build;
mod canvas;
mod footer;
mod layout;
mod reporter;
mod rows;
mod screen;
mod sink;
mod ticker;

#[cfg(test)]
mod tests;

pub use indicatif::TermLike;
pub use reporter::ProgressReporter;
pub use screen::Screen;
pub use sink::Terminal;
