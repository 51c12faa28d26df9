//! Gives the files that a receiver asks for.

use std::io::{self, Read as _};

use super::outbox::Outbox;
use super::packet::put_data_header;
use super::send::{Sending, Transfer};
use super::table::Wanted;
use super::walk::Stop;
use crate::build_context::disk::Kind;
use crate::build_context::failure::{changed, not_opened, shown, unreadable};
use crate::progress::Warning;

/// Longest content in one packet, as Go's side has it.
const DATA_BYTES: usize = 32 * 1024;

/// Gives the files that are asked for, on a thread of its own.
pub(super) fn give(sending: &Sending, outbox: &Outbox) -> Result<(), Stop> {
    let mut buffer = Vec::new();
    loop {
        let id = match sending.wishes.try_pop() {
            Some(id) => id,
            None => {
                outbox.flush(&mut buffer)?;
                match sending.wishes.pop() {
                    Some(id) => id,
                    None => return Ok(()),
                }
            }
        };
        let wanted = sending.table().wanted(id);
        if let Some(wanted) = wanted {
            give_file(&sending.transfer, outbox, id, &wanted, &mut buffer)?;
        }
    }
}

/// A file is cut where it ended when it was described: its size is in the engine's records by now. One that is not what
/// was described ends the build, where Go's side sends what it finds, or nothing.
fn give_file(
    transfer: &Transfer,
    outbox: &Outbox,
    id: u32,
    wanted: &Wanted,
    buffer: &mut Vec<u8>,
) -> Result<(), Stop> {
    let Transfer { tree, counters, .. } = transfer;
    let place = || tree.shown(&wanted.path);
    let failed = |what_happened| Stop::Failed(changed(&place(), what_happened));
    let opened = tree
        .open(&wanted.path)
        .map_err(|error| Stop::Failed(not_opened(&place(), error)))?;
    if let Some(mut opened) = opened {
        if opened.facts.kind != Kind::File || !wanted.is(&opened.facts) {
            return Err(failed("was replaced"));
        }
        if opened.facts.size_bytes < wanted.size_bytes {
            return Err(failed("shrank"));
        }
        if opened.facts.size_bytes > wanted.size_bytes {
            let message = format!(
                "`{}` grew while it was read; its first {} bytes were sent",
                shown(&place()),
                wanted.size_bytes
            );
            counters.warn(Warning::new("CONTEXT_FILE_GREW", message));
        }
        let mut left_bytes = wanted.size_bytes;
        while left_bytes > 0 {
            let length =
                usize::try_from(left_bytes).map_or(DATA_BYTES, |left| left.min(DATA_BYTES));
            put_data_header(buffer, id, length);
            let start = buffer.len();
            buffer.resize(start + length, 0);
            match opened.content.read_exact(&mut buffer[start..]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(failed("shrank"));
                }
                Err(error) => return Err(Stop::Failed(unreadable(&place(), error))),
            }
            left_bytes -= length as u64;
            outbox.flush_full(buffer)?;
        }
    }
    put_data_header(buffer, id, 0);
    counters.add_file();
    outbox.flush_full(buffer)
}
