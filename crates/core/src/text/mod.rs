//! Text from engines, and text for people: made harmless, cut into lines, measured in words.

mod clean;
mod form;
mod hex;
mod human;
mod lines;
mod mask;
mod redact;

pub use clean::clean_line;
pub(crate) use form::{encode, encode_pairs};
pub(crate) use hex::hex;
pub use human::{format_bytes, format_duration};
pub use lines::{LineAssembler, MAX_LINE_BYTES};
pub use mask::Mask;
pub(crate) use redact::redact_authorization;
pub use redact::redact_urls;
