//! What a build has begun to write on this machine, and takes back unless it succeeds.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, mpsc};
use std::time::Duration;

/// How long who closes a place waits for a change in it: one call of the file system, which takes microseconds where the
/// file system answers at all.
const PATIENCE: Duration = Duration::from_millis(250);

/// Something half done that can be taken back.
pub(crate) trait Piece: Send + 'static {
    /// Takes it back, as far as that is possible.
    fn remove(&self);
}

impl Piece for PathBuf {
    fn remove(&self) {
        // Whoever removed it first did the same.
        let _ = std::fs::remove_file(self);
    }
}

/// The pieces of one place. Once it is closed no change in the place begins any more, whoever still works at it: every
/// change needs the [`Open`] that it gives.
#[derive(Debug)]
pub(crate) struct Scratch<P: Piece> {
    is_closed: AtomicBool,
    state: Arc<Mutex<State<P>>>,
}

#[derive(Debug)]
struct State<P> {
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
        let state = State {
            next: 0,
            pieces: BTreeMap::new(),
        };
        Self {
            is_closed: AtomicBool::new(false),
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl<P: Piece> Scratch<P> {
    /// The right to change the place; fails once it is closed.
    pub(crate) fn open(&self) -> io::Result<Open<'_, P>> {
        let state = lock(&self.state);
        // In this order: who closes looks for the lock afterwards.
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(io::Error::other("the build has ended"));
        }
        Ok(Open(state))
    }

    /// Takes a piece back.
    pub(crate) fn discard(&self, id: PieceId) {
        let mut state = lock(&self.state);
        // Under the lock: who closes meanwhile finds it gone.
        if let Some(piece) = state.pieces.remove(&id.0) {
            piece.remove();
        }
    }

    /// Takes every piece back, and lets nobody begin another. Waits only a little for a change that is going on: on a
    /// network file system it may take for ever, and what it leaves is then taken back when it ends.
    pub(crate) fn close(&self) {
        self.close_within(PATIENCE);
    }

    fn close_within(&self, patience: Duration) {
        self.is_closed.store(true, Ordering::SeqCst);
        match self.state.try_lock() {
            Ok(mut state) => state.remove_all(),
            Err(TryLockError::Poisoned(state)) => state.into_inner().remove_all(),
            Err(TryLockError::WouldBlock) => {
                let state = Arc::clone(&self.state);
                let (removed, is_removed) = mpsc::channel();
                let remove = move || {
                    lock(&state).remove_all();
                    let _ = removed.send(());
                };
                let name = "shipway-take-back".to_owned();
                // Without a thread the pieces stay where they are, which is all that can be done.
                if std::thread::Builder::new().name(name).spawn(remove).is_ok() {
                    let _ = is_removed.recv_timeout(patience);
                }
            }
        }
    }
}

impl<P: Piece> State<P> {
    fn remove_all(&mut self) {
        for piece in std::mem::take(&mut self.pieces).into_values() {
            piece.remove();
        }
    }
}

fn lock<P>(state: &Mutex<State<P>>) -> MutexGuard<'_, State<P>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Says when it is taken back.
    struct Told(mpsc::Sender<()>);

    impl Piece for Told {
        fn remove(&self) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn who_closes_a_place_has_what_a_change_leaves_taken_back_before_going_on() {
        let (removed, told) = mpsc::channel();
        let scratch = Scratch::default();
        let (opened, is_open) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut open = scratch.open().unwrap();
                opened.send(()).unwrap();
                while !scratch.is_closed.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                open.keep(Told(removed));
            });
            is_open.recv().unwrap();
            scratch.close_within(Duration::MAX);
            told.try_recv().unwrap();
        });
    }

    #[test]
    fn closing_waits_for_no_change_that_hangs_and_takes_its_piece_back_when_it_ends() {
        let (removed, told) = mpsc::channel();
        let scratch = Scratch::default();
        let mut open = scratch.open().unwrap();
        scratch.close_within(Duration::ZERO);
        open.keep(Told(removed));
        assert!(told.try_recv().is_err());
        drop(open);
        told.recv().unwrap();
        assert!(scratch.open().is_err());
    }
}
