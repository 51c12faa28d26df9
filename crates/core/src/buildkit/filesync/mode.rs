//! File modes in Go's bits, which differ from the system's
//! (<https://github.com/golang/go/blob/go1.26.0/src/io/fs/fs.go>, `FileMode`).

/// A folder.
pub(crate) const FOLDER: u32 = 1 << 31;
/// A symbolic link.
pub(crate) const LINK: u32 = 1 << 27;
/// A device.
pub(crate) const DEVICE: u32 = 1 << 26;
/// A named pipe.
pub(crate) const FIFO: u32 = 1 << 25;
/// The set-user-ID bit.
pub(crate) const SETUID: u32 = 1 << 23;
/// The set-group-ID bit.
pub(crate) const SETGID: u32 = 1 << 22;
/// A device of characters, together with [`DEVICE`].
pub(crate) const CHARACTERS: u32 = 1 << 21;
/// The sticky bit.
pub(crate) const STICKY: u32 = 1 << 20;

/// Bits that say what an entry is; a regular file has none of them. Sockets (`1 << 24`) and what has no name
/// (`1 << 19`) are among them.
const KIND: u32 = FOLDER | LINK | DEVICE | FIFO | 1 << 24 | CHARACTERS | 1 << 19;

/// Whether the entry is a regular file, so that its content may be asked for.
pub(crate) fn is_regular(mode: u32) -> bool {
    mode & KIND == 0
}

/// The permissions of a system's mode, with the set-id and sticky bits, in Go's bits.
pub(crate) fn of_permissions(mode: u32) -> u32 {
    let bit = |system: u32, go: u32| if mode & system == 0 { 0 } else { go };
    mode & 0o777 | bit(0o4000, SETUID) | bit(0o2000, SETGID) | bit(0o1000, STICKY)
}

/// The other way: the system's permissions, with the set-id and sticky bits.
pub(crate) fn to_permissions(mode: u32) -> u32 {
    let bit = |go: u32, system: u32| if mode & go == 0 { 0 } else { system };
    mode & 0o777 | bit(SETUID, 0o4000) | bit(SETGID, 0o2000) | bit(STICKY, 0o1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_survive_the_way_there_and_back() {
        for mode in 0..=0o7777 {
            assert_eq!(to_permissions(of_permissions(mode)), mode);
            assert!(is_regular(of_permissions(mode)), "{mode:o}");
        }
    }
}
