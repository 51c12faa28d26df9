//! Describes a tree to its receiver.

use super::filter::Filter;
use super::outbox::{Outbox, fresh_chunk};
use super::packet::{Packet, Stat, put};
use super::send::Sending;
use super::table::Id;
use super::tree::Looked;
use super::walk::{Stop, Walker, walk};
use crate::build_context::disk::Kind;
use crate::build_context::failure::shown;
use crate::progress::Warning;

/// Describes all that is wanted of the tree, on a thread of its own.
pub(super) fn describe(sending: &Sending, outbox: &Outbox) -> Result<(), Stop> {
    let described = describe_all(sending, outbox);
    sending.transfer.counters.end_walk();
    outbox.flush(&mut described?)
}

/// Hands on all that fills chunks; what is left is returned.
fn describe_all(sending: &Sending, outbox: &Outbox) -> Result<Vec<u8>, Stop> {
    let transfer = &sending.transfer;
    let filter = Filter::new(&*transfer.tree, transfer.wanted.clone()).map_err(Stop::Failed)?;
    let mut describer = Describer {
        sending,
        outbox,
        packet: Packet {
            stat: Some(Stat::default()),
            ..Packet::default()
        },
        buffer: fresh_chunk(),
    };
    walk(&*transfer.tree, &filter, &mut describer)?;
    put(&mut describer.buffer, &Packet::default());
    Ok(describer.buffer)
}

struct Describer<'a> {
    sending: &'a Sending,
    outbox: &'a Outbox,
    packet: Packet,
    buffer: Vec<u8>,
}

impl Walker for Describer<'_> {
    fn entry(
        &mut self,
        stat: &Stat,
        name: &[u8],
        parent: Option<Id>,
        looked: Looked,
    ) -> Result<Id, Stop> {
        let transfer = &self.sending.transfer;
        let place = || shown(&transfer.tree.shown(&stat.path));
        match looked.kind {
            Kind::Socket => transfer.counters.warn(Warning::new(
                "CONTEXT_SOCKET",
                format!(
                    "`{}` is a socket and is an empty file in the build context",
                    place()
                ),
            )),
            Kind::Fifo => transfer.counters.warn(Warning::new(
                "CONTEXT_FIFO",
                format!("`{}` is a named pipe in the build context", place()),
            )),
            Kind::File | Kind::Folder | Kind::Link | Kind::Device => {}
        }
        if !is_unicode(stat, name) {
            transfer
                .counters
                .add_not_unicode(|| transfer.tree.shown(&stat.path));
        }
        let size_bytes = u64::try_from(stat.size).unwrap_or_default();
        let id = self.sending.table().push(
            parent,
            name,
            stat.mode,
            size_bytes,
            looked.identity,
            stat.mod_time,
        );
        self.packet.stat.get_or_insert_default().clone_from(stat);
        put(&mut self.buffer, &self.packet);
        transfer.counters.add_entry();
        self.outbox.flush_full(&mut self.buffer)?;
        Ok(id)
    }

    fn is_stopped(&self) -> bool {
        // Asked at each entry, also of those that are not sent.
        self.sending.transfer.counters.look();
        self.outbox.is_closed()
    }
}

/// Whether all that is text for Go is UTF-8. The names of the folders above have been looked at.
fn is_unicode(stat: &Stat, name: &[u8]) -> bool {
    let mut xattrs = stat.xattrs.iter();
    str::from_utf8(name).is_ok()
        && str::from_utf8(&stat.linkname).is_ok()
        && xattrs.all(|xattr| str::from_utf8(&xattr.name).is_ok())
}
