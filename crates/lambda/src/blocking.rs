//! Waiting for a future in the middle of work that is not async.

use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Blocks this thread until the future is done, while the runtime's remaining threads go on: only within
/// [`run_blocking`](crate::start::run_blocking).
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}
