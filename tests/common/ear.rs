//! One strategy and everything it was told, and the waits for more: what every rig has, whichever venue it is about.
//!
//! A rig holds an [`Ear`] and dereferences to it; what a rig adds are the words of its venues. Waiting: [`until`] takes
//! what comes in and asks a closure, up to [`PATIENCE`]; records are kept, so that nothing is missed between two waits.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use exchange_connectors::gateway::Strategy;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, MarketRecord, RequestId, State, StatisticsRecord,
    Venue, View,
};
use std::time::{Duration, Instant};

/// How long a wait may take before the test fails. Far more than anything needs, for machines under load.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long one look at the rings sleeps when nothing comes.
pub const LOOK: Duration = Duration::from_millis(2);

/// See the module's documentation.
pub struct Ear {
    pub strategy: Strategy,
    /// All market records so far, in order.
    pub market: Vec<MarketRecord>,
    /// All statistics so far, in order.
    pub statistics: Vec<StatisticsRecord>,
    /// All execution records so far, in order.
    pub executions: Vec<ExecutionRecord>,
}

/// Takes records until `done` says so; fails the test after [`PATIENCE`].
#[track_caller]
pub fn until<R: AsMut<Ear>, T>(rig: &mut R, what: &str, mut done: impl FnMut(&mut R) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        rig.as_mut().take();
        if let Some(found) = done(rig) {
            return found;
        }
        let ear = rig.as_mut();
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}; executions so far: {:#?}", ear.executions);
        ear.strategy.wait(LOOK);
    }
}

impl AsMut<Ear> for Ear {
    fn as_mut(&mut self) -> &mut Ear {
        self
    }
}

/// A rig hears what its ear hears.
macro_rules! hears {
    ($rig:ident) => {
        impl std::ops::Deref for $rig {
            type Target = $crate::common::ear::Ear;

            fn deref(&self) -> &Self::Target {
                &self.ear
            }
        }

        impl std::ops::DerefMut for $rig {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.ear
            }
        }

        impl AsMut<$crate::common::ear::Ear> for $rig {
            fn as_mut(&mut self) -> &mut $crate::common::ear::Ear {
                &mut self.ear
            }
        }
    };
}
pub(crate) use hears;

/// A rig speaks for its strategy, by a method of its own: what it submits may be made of its words.
macro_rules! speaks {
    ($rig:ident) => {
        impl $rig {
            /// Submits, whatever comes of it.
            #[track_caller]
            pub fn submit(
                &mut self,
                command: exchange_connectors::record::OrderCommand,
            ) -> exchange_connectors::record::RequestId {
                self.ear.strategy.orders.submit(command).unwrap()
            }
        }
    };
}
pub(crate) use speaks;

impl Ear {
    pub fn of(strategy: Strategy) -> Ear {
        Ear { strategy, market: vec![], statistics: vec![], executions: vec![] }
    }

    /// Takes what waits on the three streams.
    pub fn take(&mut self) {
        while let Some(record) = self.strategy.market.pop() {
            self.market.push(record);
        }
        while let Some(record) = self.strategy.statistics.pop() {
            self.statistics.push(record);
        }
        while let Some(record) = self.strategy.executions.pop() {
            self.executions.push(record);
        }
    }

    /// Takes what waits on the three streams, or sleeps a little.
    pub fn step(&mut self) {
        self.strategy.wait(LOOK);
        self.take();
    }

    /// Takes records for so long. Only to show that something does NOT happen; everything else waits for its record.
    pub fn watch(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step();
        }
    }

    /// Waits for a record of that kind of a request; fails early if the order ends otherwise.
    #[track_caller]
    pub fn expect(&mut self, request: RequestId, kind: ExecutionKind) -> ExecutionRecord {
        let found = until(self, &format!("{kind:?} of {request}"), |ear| {
            let of = |r: &&ExecutionRecord| r.request == request;
            let wanted = ear.executions.iter().filter(of).find(|r| r.kind == kind);
            let ended = || ear.executions.iter().filter(of).find(|r| r.kind.is_terminal());
            wanted.or_else(ended).copied()
        });
        assert_eq!(found.kind, kind, "{:#?}", self.records(request));
        found
    }

    /// The first record of a request so far.
    pub fn first(&self, request: RequestId) -> Option<ExecutionRecord> {
        self.executions.iter().find(|r| r.request == request).copied()
    }

    /// All records of a request so far, in order.
    pub fn records(&self, request: RequestId) -> Vec<ExecutionRecord> {
        self.executions.iter().filter(|r| r.request == request).copied().collect()
    }

    /// The kinds of all records of a request so far, in order.
    pub fn kinds(&self, request: RequestId) -> Vec<ExecutionKind> {
        self.executions.iter().filter(|r| r.request == request).map(|r| r.kind).collect()
    }

    /// The same but for FillDetail, which may come whenever history is listed.
    pub fn law(&self, request: RequestId) -> Vec<ExecutionKind> {
        self.kinds(request).into_iter().filter(|kind| *kind != ExecutionKind::FillDetail).collect()
    }

    /// How connections of this role stood, in order.
    pub fn states(&self, of: ConnectionRole) -> Vec<ConnectionState> {
        self.market.iter().filter_map(|record| state(record, of)).collect()
    }

    /// How connections of this role stand, as last told.
    pub fn state(&self, of: ConnectionRole) -> Option<ConnectionState> {
        self.market.iter().rev().find_map(|record| state(record, of))
    }

    /// Waits until connections of this role stand like this, as last told.
    #[track_caller]
    pub fn until_state(&mut self, of: ConnectionRole, is: ConnectionState) {
        until(self, &format!("{of:?} {is:?}"), |ear| (ear.state(of) == Some(is)).then_some(()));
    }

    /// Waits until a venue takes every command: the account's events are healthy, and all connections for requests open.
    /// With one that is not open yet, a command can find the others busy.
    #[track_caller]
    pub fn until_ready(&mut self, venue: Venue) {
        until(self, "a venue that takes orders", |ear| takes_orders(&ear.market, venue).then_some(()));
    }
}

/// Whether, as far as these records tell, a venue takes every command.
pub fn takes_orders(told: &[MarketRecord], venue: Venue) -> bool {
    let last = |role| {
        told.iter().rev().find_map(|record| match record.view() {
            View::State(now) if (now.venue, now.role) == (venue, role) => Some(now),
            _ => None,
        })
    };
    let complete = |role| last(role).is_some_and(|State { open, wanted, .. }| open == wanted);
    last(ConnectionRole::User).is_some_and(|user| user.state == ConnectionState::Healthy)
        && [ConnectionRole::Orders, ConnectionRole::Cancels, ConnectionRole::Queries].into_iter().all(complete)
}

/// What a record says of connections of that role.
pub fn state(record: &MarketRecord, of: ConnectionRole) -> Option<ConnectionState> {
    match record.view() {
        View::State(now) if now.role == of => Some(now.state),
        _ => None,
    }
}
