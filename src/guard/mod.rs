//! What stands before an order. All pure and O(1): time is an argument.

mod backoff;
mod governor;
mod increments;
mod limits;

pub use backoff::Backoff;
pub use governor::{Governor, Priority, RetryAt, LIMIT_MAX};
pub use increments::{check_increments, check_prepared, IncrementError};
pub use limits::Limits;
