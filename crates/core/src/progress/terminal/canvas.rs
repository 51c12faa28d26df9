//! Between indicatif and the terminal: frames in, as few bytes as possible out.
//!
//! indicatif erases all lines and writes them again, padded to the width, for every change of every bar. Drawn directly
//! that flickers (<https://github.com/console-rs/indicatif/issues/708>), leaves padding in what is copied from the
//! terminal, and after a resize erases the wrong rows (<https://github.com/console-rs/indicatif/issues/182>). A canvas
//! takes the frames and paints the last one when told.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::measure_text_width;
use indicatif::TermLike;

/// Takes indicatif's frames; [`Canvas::paint`] shows the last one.
#[derive(Debug, Clone)]
pub(super) struct Canvas(Arc<Mutex<Picture>>);

#[derive(Debug)]
struct Picture {
    device: Box<dyn TermLike>,
    is_left: Arc<AtomicBool>,
    /// The frame that is being written.
    drawing: Vec<String>,
    /// Lines of the frame before that it erases.
    erased: usize,
    /// The last whole frame.
    frame: Vec<String>,
    /// Lines that stay above the frame and are to be written.
    printed: Vec<String>,
    /// What stands on the terminal and may be written over.
    shown: Vec<String>,
    /// Width of the terminal when `shown` was written.
    shown_width: usize,
}

impl Canvas {
    /// A canvas that is brought to `device` until `is_left`.
    pub(super) fn new(device: Box<dyn TermLike>, is_left: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Mutex::new(Picture {
            device,
            is_left,
            drawing: Vec::new(),
            erased: 0,
            frame: Vec::new(),
            printed: Vec::new(),
            shown: Vec::new(),
            shown_width: 0,
        })))
    }

    /// Rows and columns of the terminal, at least one each.
    pub(super) fn size(&self) -> (usize, usize) {
        let picture = self.picture();
        (usize::from(picture.device.height()).max(1), picture.width())
    }

    /// Brings the last frame to the terminal. What cannot be written is lost.
    pub(super) fn paint(&self) {
        let _ = self.picture().paint();
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Picture {
    fn width(&self) -> usize {
        usize::from(self.device.width()).max(1)
    }

    /// Ends the frame that is being written. Lines of the frame before that were not erased stay above.
    fn end_frame(&mut self) {
        let erased = std::mem::take(&mut self.erased);
        let before = std::mem::replace(&mut self.frame, std::mem::take(&mut self.drawing));
        let stays = before.len().saturating_sub(erased);
        self.printed.extend(before.into_iter().take(stays));
    }

    fn paint(&mut self) -> io::Result<()> {
        if self.is_left.load(Ordering::Relaxed) {
            return Ok(());
        }
        let printed = std::mem::take(&mut self.printed);
        let wanted: Vec<String> = printed.iter().chain(&self.frame).cloned().collect();
        if wanted == self.shown && printed.is_empty() && self.width() == self.shown_width {
            return Ok(());
        }
        let output = self.output(&wanted, !printed.is_empty() && self.frame.is_empty());
        self.shown.clone_from(&self.frame);
        self.shown_width = self.width();
        self.device.write_str(&output)?;
        self.device.flush()
    }

    /// The bytes that turn `shown` into `wanted`, with the cursor on the last row before and after.
    fn output(&self, wanted: &[String], ends_line: bool) -> String {
        let width = self.width();
        let rows = |lines: &[String]| lines.iter().map(|line| rows_of(line, width)).sum::<usize>();
        let shown_rows = rows(&self.shown);
        let mut output = String::from("\r");
        // Rows that have left the screen at its top are out of reach.
        let last_row = usize::from(self.device.height()).saturating_sub(1);
        let up = shown_rows.saturating_sub(1).min(last_row);
        if up > 0 {
            let _ = write!(output, "\x1b[{up}A");
        }
        let is_aligned = width == self.shown_width
            && shown_rows == self.shown.len()
            && rows(wanted) == wanted.len();
        if !is_aligned || wanted.is_empty() {
            erase_down(&mut output, up);
        }
        for (index, line) in wanted.iter().enumerate() {
            if index > 0 {
                output.push_str("\r\n");
            }
            let before = self.shown.get(index).filter(|_| is_aligned);
            if before == Some(line) {
                continue;
            }
            if before.is_some() {
                // Erased first: after a line of full width the cursor stands on its last character.
                output.push_str("\x1b[2K");
            }
            output.push_str(line);
        }
        if is_aligned && !wanted.is_empty() && wanted.len() < self.shown.len() {
            output.push_str("\r\n\x1b[J\x1b[A");
        }
        if ends_line {
            output.push_str("\r\n");
        }
        output
    }
}

/// Erases the cursor's row and `down` rows below, one by one, and returns.
///
/// To erase the screen from its top at once makes tmux keep it in its history.
fn erase_down(output: &mut String, down: usize) {
    output.push_str("\x1b[2K");
    output.push_str(&"\x1b[B\x1b[2K".repeat(down));
    if down > 0 {
        let _ = write!(output, "\x1b[{down}A");
    }
}

/// Rows that a line takes.
fn rows_of(line: &str, width: usize) -> usize {
    measure_text_width(line).div_ceil(width).max(1)
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        self.picture().device.width()
    }

    fn height(&self) -> u16 {
        self.picture().device.height()
    }

    fn move_cursor_up(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        // The padding after each line comes in a call of its own.
        if !text.trim().is_empty() {
            self.picture().drawing.push(text.to_owned());
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.picture().erased += 1;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.picture().end_frame();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
