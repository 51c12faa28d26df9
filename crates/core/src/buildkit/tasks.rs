//! Tasks that end with their owner, so that no connection outlives its build.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Owns tasks. Dropping it ends them at their next wait.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Spawner);

/// Starts tasks of an owner, for libraries that start their own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spawner {
    tracker: TaskTracker,
    ended: CancellationToken,
}

impl Tasks {
    /// What starts tasks that end with this owner.
    pub(crate) fn spawner(&self) -> Spawner {
        self.0.clone()
    }

    /// Ends every task, and waits until they have ended.
    pub(crate) async fn close(self) {
        self.0.ended.cancel();
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.ended.cancel();
    }
}

impl Spawner {
    /// Starts `work`. A runtime must be current.
    pub(crate) fn spawn<F>(&self, work: F)
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let ended = self.ended.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                _ = work => {}
            }
        });
    }
}

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, work: F) {
        self.spawn(work);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_end_with_their_owner() {
        let tasks = Tasks::default();
        let held = Arc::new(());
        let in_task = Arc::clone(&held);
        tasks.spawner().spawn(async move {
            std::future::pending::<()>().await;
            drop(in_task);
        });
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 2);
        tasks.close().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
