mod ends;
mod faults;
mod protocol;
mod stats;
mod support;
