//! The room on the disk of an engine of this machine.

use std::time::Duration;

use super::{EngineFacts, EngineName};

/// Adds what the file system says where the engine's files are most likely those that this process sees: an engine in a
/// virtual machine has others under the same path. One in a container of the same kernel cannot be told apart.
pub(super) async fn measure(facts: &mut EngineFacts, limit: Duration) {
    let Some(folder) = facts.disk.root_directory.clone() else {
        return;
    };
    if facts.name == EngineName::DockerDesktop || !is_same_kernel(facts).await {
        return;
    }
    // A file system of another machine may not answer at all.
    let room = tokio::task::spawn_blocking(move || room(&folder));
    if let Ok(Ok(Some((free, total)))) = tokio::time::timeout(limit, room).await {
        facts.disk.free_bytes = Some(free);
        facts.disk.total_bytes = Some(total);
    }
}

async fn is_same_kernel(facts: &EngineFacts) -> bool {
    let ours = tokio::fs::read_to_string("/proc/sys/kernel/osrelease").await;
    ours.is_ok_and(|ours| Some(ours.trim()) == facts.kernel_version.as_deref())
}

/// Bytes that are free for an ordinary user, and all of them.
#[cfg(unix)]
fn room(folder: &str) -> Option<(u64, u64)> {
    let room = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
    Some((bytes(room.f_bavail), bytes(room.f_blocks)))
}

#[cfg(not(unix))]
fn room(_folder: &str) -> Option<(u64, u64)> {
    None
}
