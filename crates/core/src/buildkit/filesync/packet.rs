//! The messages of a file transfer, as fsutil has them
//! (<https://github.com/tonistiigi/fsutil/blob/586307ad452f/types/wire.proto>).
//!
//! `path`, `linkname` and the names of attributes are bytes here: Go does not check that its strings are UTF-8, and on disk
//! they need not be.

use bytes::{BufMut as _, Bytes};
use prost::Message;
use prost::encoding::encode_varint;

/// Bytes before each message of a gRPC stream: whether it is compressed, and its length
/// (<https://github.com/grpc/grpc/blob/v1.75.0/doc/PROTOCOL-HTTP2.md>, `Length-Prefixed-Message`).
const PREFIX_BYTES: usize = 5;

/// Longest fields before the content of a data packet: type, ID, and the length of the content.
const DATA_HEADER_BYTES: usize = 2 + 6 + 6;

/// One message of a transfer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Packet {
    #[prost(enumeration = "PacketType", tag = "1")]
    pub(crate) r#type: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) stat: Option<Stat>,
    #[prost(uint32, tag = "3")]
    pub(crate) id: u32,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) data: Bytes,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum PacketType {
    /// The sender describes an entry; without one, the last has been described.
    Stat = 0,
    /// The receiver wants the content of a file.
    Req = 1,
    /// The sender gives a piece of it; an empty one is its end.
    Data = 2,
    /// All wanted content has arrived.
    Fin = 3,
    /// The transfer failed; the data says why.
    Err = 4,
}

/// One entry of a tree.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Stat {
    /// Relative, with `/` between its parts.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) path: Vec<u8>,
    /// In Go's bits, see [`super::mode`].
    #[prost(uint32, tag = "2")]
    pub(crate) mode: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) uid: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) gid: u32,
    /// 0 for a folder.
    #[prost(int64, tag = "5")]
    pub(crate) size: i64,
    /// Last change, in nanoseconds since 1970.
    #[prost(int64, tag = "6")]
    pub(crate) mod_time: i64,
    /// Target of a symbolic link, or the path that was sent first for the same file.
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) linkname: Vec<u8>,
    #[prost(int64, tag = "8")]
    pub(crate) devmajor: i64,
    #[prost(int64, tag = "9")]
    pub(crate) devminor: i64,
    #[prost(message, repeated, tag = "10")]
    pub(crate) xattrs: Vec<Xattr>,
}

/// An extended attribute: an entry of what Go's side declares as a map.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Xattr {
    /// Such as `user.mime_type`.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// Appends `packet` as one message of a gRPC stream. Returns its length without the prefix.
pub(crate) fn put(buffer: &mut Vec<u8>, packet: &Packet) -> usize {
    let length = packet.encoded_len();
    put_prefix(buffer, length);
    packet.encode_raw(buffer);
    length
}

/// Appends all of a data packet that comes before its content of `length` bytes, which the caller appends. Returns the
/// length of the message with its content.
pub(crate) fn put_data_header(buffer: &mut Vec<u8>, id: u32, length: usize) -> usize {
    let mut header = [0; DATA_HEADER_BYTES];
    let mut rest = &mut header[..];
    rest.put_slice(&[0x08, PacketType::Data as u8]);
    if id != 0 {
        rest.put_u8(0x18);
        encode_varint(u64::from(id), &mut rest);
    }
    if length != 0 {
        rest.put_u8(0x22);
        encode_varint(length as u64, &mut rest);
    }
    let written = DATA_HEADER_BYTES - rest.len();
    put_prefix(buffer, written + length);
    buffer.extend_from_slice(&header[..written]);
    written + length
}

fn put_prefix(buffer: &mut Vec<u8>, length: usize) {
    buffer.reserve(PREFIX_BYTES + length);
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_packet_is_what_the_derived_encoder_writes() {
        for (id, content) in [
            (0, "x".repeat(3)),
            (1, "y".repeat(40_000)),
            (500_000, String::new()),
        ] {
            let packet = Packet {
                r#type: PacketType::Data.into(),
                id,
                data: content.clone().into(),
                ..Packet::default()
            };
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            let length = put(&mut expected, &packet);
            assert_eq!(put_data_header(&mut written, id, content.len()), length);
            written.extend_from_slice(content.as_bytes());
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn the_packet_after_the_last_entry_is_empty() {
        let mut written = Vec::new();
        assert_eq!(put(&mut written, &Packet::default()), 0);
        assert_eq!(written, [0; 5]);
    }
}
