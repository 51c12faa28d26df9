//! One event a line, as JSON: for programs that read the command's output.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::{ProgressEvent, ProgressSink};

/// Writes each event as one line of JSON, and flushes it.
///
/// Lines are whole, whichever threads emit. After the first failed write it is silent.
#[derive(Debug)]
pub struct JsonLines<W>(Mutex<Option<W>>);

impl<W: Write + Send> JsonLines<W> {
    /// A sink that writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self(Mutex::new(Some(writer)))
    }
}

impl<W: Write + Send> ProgressSink for JsonLines<W> {
    fn emit(&self, event: &ProgressEvent) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = writer.as_mut()
            && open.write_all(&line).and_then(|()| open.flush()).is_err()
        {
            *writer = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::progress::{Layer, LayerState, Status};

    fn status(message: &str) -> ProgressEvent {
        ProgressEvent::Status(Status {
            step: None,
            message: message.to_owned(),
        })
    }

    #[test]
    fn events_are_flat_objects_one_a_line() {
        let mut written = Vec::new();
        let sink = JsonLines::new(&mut written);
        let layer = Layer::new("a1b2c3d4e5f6", LayerState::Downloading);
        sink.emit(&ProgressEvent::Layer(Layer {
            current_bytes: Some(5),
            ..layer
        }));
        sink.emit(&status("two\nlines"));
        assert_eq!(
            String::from_utf8_lossy(&written),
            "{\"type\":\"layer\",\"id\":\"a1b2c3d4e5f6\",\"state\":\"downloading\",\"currentBytes\":5}\n\
             {\"type\":\"status\",\"message\":\"two\\nlines\"}\n"
        );
    }

    /// Fails from the second write on, and counts.
    struct Closing<'a>(&'a mut usize);

    impl Write for Closing<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            *self.0 += 1;
            if *self.0 > 1 {
                Err(io::ErrorKind::BrokenPipe.into())
            } else {
                Ok(bytes.len())
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_is_written_after_a_failed_write() {
        let mut writes = 0;
        let sink = JsonLines::new(Closing(&mut writes));
        for _ in 0..5 {
            sink.emit(&status("x"));
        }
        assert_eq!(writes, 2);
    }
}
