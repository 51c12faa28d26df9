//! What a build has begun to write on this machine, and takes back unless it succeeds.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something half done that can be taken back.
pub(crate) trait Piece: Send {
    /// Takes it back, as far as that is possible.
    fn remove(&self);
}

impl Piece for PathBuf {
    fn remove(&self) {
        // Whoever removed it first did the same.
        let _ = std::fs::remove_file(self);
    }
}

/// The pieces of one place. Once it is closed nothing in the place changes any more, whoever still works at it: every
/// change needs the [`Open`] that it gives.
#[derive(Debug)]
pub(crate) struct Scratch<P: Piece>(Mutex<State<P>>);

#[derive(Debug)]
struct State<P> {
    is_closed: bool,
    next: u64,
    pieces: BTreeMap<u64, P>,
}

/// Names a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PieceId(u64);

/// The right to change the place, for as long as it is held.
pub(crate) struct Open<'a, P>(MutexGuard<'a, State<P>>);

impl<P: Piece> Default for Scratch<P> {
    fn default() -> Self {
        Self(Mutex::new(State {
            is_closed: false,
            next: 0,
            pieces: BTreeMap::new(),
        }))
    }
}

impl<P: Piece> Scratch<P> {
    /// The right to change the place; fails once it is closed.
    pub(crate) fn open(&self) -> io::Result<Open<'_, P>> {
        let state = self.lock();
        if state.is_closed {
            return Err(io::Error::other("the build has ended"));
        }
        Ok(Open(state))
    }

    /// Takes a piece back.
    pub(crate) fn discard(&self, id: PieceId) {
        let piece = self.lock().pieces.remove(&id.0);
        if let Some(piece) = piece {
            piece.remove();
        }
    }

    /// Takes every piece back, and lets nobody begin another.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        for piece in std::mem::take(&mut state.pieces).into_values() {
            piece.remove();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Piece> Drop for Scratch<P> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<P: Piece> Open<'_, P> {
    /// Remembers a piece that is there.
    pub(crate) fn keep(&mut self, piece: P) -> PieceId {
        let id = self.0.next;
        self.0.next += 1;
        self.0.pieces.insert(id, piece);
        PieceId(id)
    }

    /// Gives a piece away for good; `None` where it has been taken back.
    pub(crate) fn release(&mut self, id: PieceId) -> Option<P> {
        self.0.pieces.remove(&id.0)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn what_is_not_released_goes_when_the_place_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let scratch = Scratch::<PathBuf>::default();
        let mut open = scratch.open().unwrap();
        for name in ["kept", "given-up", "half"] {
            File::create(path(name)).unwrap();
        }
        let kept = open.keep(path("kept"));
        let given_up = open.keep(path("given-up"));
        open.keep(path("half"));
        assert_eq!(open.release(kept), Some(path("kept")));
        drop(open);
        scratch.discard(given_up);
        assert!(!path("given-up").exists());
        scratch.close();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert!(scratch.open().is_err());
    }
}
