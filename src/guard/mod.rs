//! What stands before an order. All pure and O(1): time is an argument.

mod backoff;
mod breaker;
mod governor;
mod increments;
mod lag;
mod limits;
mod order_guard;
mod windows;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerChange, BreakerRules, BreakerState, Failure, TripCause};
pub use governor::{Governor, Priority, RetryAt, LIMIT_MAX};
pub use increments::{check_increments, check_prepared, check_status, IncrementError};
pub use lag::FeedLag;
pub use limits::{InstrumentLimits, Limits, OrderRate, VenueLimits};
pub use order_guard::{Funds, LimitBreach, MarginRoom, MarketView, OrderGuard};
pub use windows::{Cost, Counted, Mark, RateLimit, Throttled, WindowGovernor, LIMITS_MAX};
