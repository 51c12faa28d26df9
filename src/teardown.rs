//! What ends when a JavaScript environment (the main thread or a worker) does.

use napi::bindgen_prelude::{Env, Object, Result};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

struct State {
    root: CancellationToken,
}

/// Gives the environment the token under which all its operations run. A future outlives the worker that started it,
/// so the token is cancelled when the environment goes.
#[napi(module_exports)]
pub fn prepare(_exports: Object, env: Env) -> Result<()> {
    let root = CancellationToken::new();
    env.set_instance_data(State { root: root.clone() }, (), |_| {})?;
    env.add_env_cleanup_hook(root, |root| root.cancel())?;
    Ok(())
}

/// Makes a token that is cancelled with the environment at the latest.
pub(crate) fn token(env: Env) -> Result<CancellationToken> {
    let state = env.get_instance_data::<State>()?;
    Ok(state
        .map(|state| state.root.child_token())
        .unwrap_or_default())
}
