use std::sync::atomic::{AtomicU16, Ordering};

use super::*;

/// A terminal of 24 rows whose width changes, and that keeps what is written.
#[derive(Debug, Clone)]
struct Resizable(Arc<(AtomicU16, Mutex<String>)>);

impl Resizable {
    fn written(&self) -> String {
        std::mem::take(&mut self.0.1.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TermLike for Resizable {
    fn width(&self) -> u16 {
        self.0.0.load(Ordering::Relaxed)
    }
    fn height(&self) -> u16 {
        24
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
    fn write_line(&self, _text: &str) -> io::Result<()> {
        Ok(())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0
            .1
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

fn draw(canvas: &Canvas, erased: usize, lines: &[&str]) {
    for _ in 0..erased {
        let _ = canvas.clear_line();
    }
    for line in lines {
        let _ = canvas.write_str(line);
        let _ = canvas.write_str("   ");
    }
    let _ = canvas.flush();
    canvas.paint();
}

#[test]
fn rows_that_wrapped_after_a_resize_are_erased() {
    let device = Resizable(Arc::new((AtomicU16::new(20), Mutex::default())));
    let canvas = Canvas::new(Box::new(device.clone()), Arc::default());
    draw(&canvas, 0, &["a line of 20 columns", "short"]);
    device.written();
    device.0.0.store(10, Ordering::Relaxed);
    draw(&canvas, 2, &["a", "b"]);
    let erase = "\x1b[2K\x1b[B\x1b[2K\x1b[B\x1b[2K\x1b[2A";
    assert_eq!(device.written(), format!("\r\x1b[2A{erase}a\r\nb"));
}

#[test]
fn only_what_changed_is_written() {
    let device = Resizable(Arc::new((AtomicU16::new(20), Mutex::default())));
    let canvas = Canvas::new(Box::new(device.clone()), Arc::default());
    draw(&canvas, 0, &["a", "b", "c"]);
    device.written();
    draw(&canvas, 3, &["a", "B", "c"]);
    assert_eq!(device.written(), "\r\x1b[2A\r\n\x1b[2KB\r\n");
    draw(&canvas, 3, &["a", "B", "c"]);
    assert_eq!(device.written(), "");
    draw(&canvas, 3, &["a"]);
    assert_eq!(device.written(), "\r\x1b[2A\r\n\x1b[J\x1b[A");
}

#[test]
fn lines_that_were_not_erased_stay_above() {
    let device = Resizable(Arc::new((AtomicU16::new(20), Mutex::default())));
    let canvas = Canvas::new(Box::new(device.clone()), Arc::default());
    draw(&canvas, 0, &["bar"]);
    device.written();
    // One line of the next frame is a printed one, so that only the other is erased after it.
    let _ = canvas.clear_line();
    let _ = canvas.write_str("printed");
    let _ = canvas.write_str("bar");
    let _ = canvas.flush();
    draw(&canvas, 1, &["bar"]);
    assert_eq!(device.written(), "\r\x1b[2Kprinted\r\nbar");
    draw(&canvas, 1, &["BAR"]);
    assert_eq!(device.written(), "\r\x1b[2KBAR");
}

#[test]
fn nothing_is_written_once_it_is_left() {
    let device = Resizable(Arc::new((AtomicU16::new(20), Mutex::default())));
    let is_left = Arc::new(AtomicBool::new(false));
    let canvas = Canvas::new(Box::new(device.clone()), is_left.clone());
    draw(&canvas, 0, &["a", "b"]);
    device.written();
    is_left.store(true, Ordering::Relaxed);
    draw(&canvas, 2, &["A"]);
    draw(&canvas, 1, &[]);
    assert_eq!(device.written(), "");
}
