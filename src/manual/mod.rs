//! How this crate thinks: decisions and their reasons, for users and for whoever changes it.
//!
//! - [`threads`]: who owns what, and who may wait for whom
//! - [`market_data`]: events, books, gaps, slow consumers
//! - [`orders`]: what an order's records mean, and how an unknown outcome ends
//! - [`faults`]: every fault, what the user sees of it, and the test that shows it
//! - [`lifecycle`]: the states of an order as a table, checked against the code
//! - [`restart`]: one process at a time, session epochs, and orders a dead session left
//! - [`guards`]: limits, circuit breaker, kill switch, dead-man switch
//! - [`paper`]: trading on paper, and what its fills are worth
//! - [`numbers`]: exact decimals, exponents, times
//! - [`audit`]: the log of everything asked and told, and its verification
//! - [`threats`]: what is defended against, and what is not

pub mod audit;
pub mod faults;
pub mod guards;
pub mod lifecycle;
pub mod market_data;
pub mod numbers;
pub mod orders;
pub mod paper;
pub mod restart;
pub mod threads;
pub mod threats;
