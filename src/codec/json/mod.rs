//! JSON, read forward once and without allocation.
//!
//! Owns the plain parser ([`Plain`]: a simd-json tape refilled per message and walked by a [`Cursor`]) and the slicer
//! that cuts a long message into pieces the plain parser can take one at a time ([`ArraySlicer`]), and the fast way to
//! messages of one known form ([`Scan`]). Guarantees a typed
//! [`JsonError`] or [`SliceError`] for anything unexpected and no allocation per message once its buffers have grown to
//! the traffic. Never hands out a number that went through a float: money reaches the caller as the text of a JSON
//! string, or not at all.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod boundary;
mod cursor;
mod error;
mod plain;
mod scan;
mod skeleton;
mod slicer;
#[cfg(test)]
mod slicer_tests;

pub use cursor::{Cursor, Fields, Items};
pub use error::{JsonError, JsonKind, KeyText};
pub use plain::{Plain, DEPTH_MAX};
pub use scan::Scan;
pub use skeleton::SKELETON_BYTES_MAX;
pub use slicer::{
    ArraySlicer, Slice, SliceError, SliceLimits, ARRAYS_MAX, ASSEMBLY_BYTES, MESSAGE_BYTES_MAX, SLICE_BYTES_MAX,
    SLICE_ELEMENTS_MAX,
};
