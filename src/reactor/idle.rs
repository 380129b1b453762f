//! What the reactor does between two turns.

/// How the reactor waits for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Idle {
    /// Never waits: owns its core, reacts at once. Needs a core of its own.
    Busy,
    /// Gives the core away between turns when there is nothing to do.
    Yield,
    /// Sleeps until a socket, a ring or a deadline wakes it; deadlines are kept to 1 ms. For tests, demos, small machines.
    #[default]
    Block,
}
