//! Orders: ids, lifecycle, and the evidence that moves it.

mod fact;

pub use fact::{CancelReply, FactSource, FillFact, OrderFact, OrderStatus, PlaceReply};
