//! The threads that the addon may use.

use napi::bindgen_prelude::create_custom_tokio_runtime;

/// Two threads carry every stream: the work is waiting. napi's own runtime would start one for each core at `require`.
const WORKERS: usize = 2;

/// Archives and name look-ups block a thread each, and only while they run.
const BLOCKING_THREADS: usize = 16;

/// Runs while the library is being loaded, where a panic would end the process: without a runtime of ours, napi makes
/// its own.
#[napi_derive::module_init]
fn start() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("shipway")
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        create_custom_tokio_runtime(runtime);
    }
}
