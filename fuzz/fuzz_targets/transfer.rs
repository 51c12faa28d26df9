//! A receiver that says anything: the transfer ends, its threads end, and all that it says is whole messages and a status.
//!
//! `-detect_leaks=0`: for a moment, what belongs to a thread that ends looks lost.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use shipway_core::fuzzing::transfer;

#[derive(Debug, Arbitrary)]
enum Said {
    Wants(u32),
    WantsOneOfTheFirst(u8),
    HasAll,
    Failed(Vec<u8>),
    Message(Vec<u8>),
    Bytes(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
struct Input {
    files: u8,
    said: Vec<Said>,
}

fuzz_target!(|input: Input| {
    let files: Vec<_> = (0..input.files)
        .map(|number| format!("{}/{number}", number % 7).into_bytes())
        .collect();
    let mut inbound = Vec::new();
    for said in input.said {
        match said {
            Said::Wants(id) => put(&mut inbound, &[&[8, 1, 24], &varint(id)[..]].concat()),
            Said::WantsOneOfTheFirst(id) => {
                put(
                    &mut inbound,
                    &[&[8, 1, 24], &varint(id.into())[..]].concat(),
                );
            }
            Said::HasAll => put(&mut inbound, &[8, 3]),
            Said::Failed(why) => {
                let length = u32::try_from(why.len()).expect("inputs are short");
                put(
                    &mut inbound,
                    &[&[8, 4, 34], &varint(length)[..], &why].concat(),
                );
            }
            Said::Message(message) => put(&mut inbound, &message),
            Said::Bytes(bytes) => inbound.extend(bytes),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime starts");
    let (told, status) = runtime.block_on(async {
        let transfer = transfer(&files, &inbound);
        let told = tokio::time::timeout(Duration::from_secs(10), transfer).await;
        told.expect("a transfer ends")
    });
    assert!(status.is_some(), "a call has a status");
    let mut rest = &told[..];
    while !rest.is_empty() {
        let (prefix, after) = rest.split_at_checked(5).expect("a message has a prefix");
        assert_eq!(prefix[0], 0, "messages are not compressed");
        let length = u32::from_be_bytes(prefix[1..].try_into().expect("it has four bytes"));
        rest = after.get(length as usize..).expect("a message is whole");
    }
});

fn put(inbound: &mut Vec<u8>, message: &[u8]) {
    let length = u32::try_from(message.len()).expect("inputs are short");
    inbound.push(0);
    inbound.extend(length.to_be_bytes());
    inbound.extend_from_slice(message);
}

fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
