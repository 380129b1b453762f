//! Reads the log back.
