//! One gateway to all three local venues, or to venues that run already.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::common::ear::Ear;
use super::super::common::{is_for_want_of_a_path, RootFile, PATIENCE};
use super::{Local, Rig, Setup};
use exchange_connectors::gateway::{GatewayBuilder, GatewayError};
use exchange_connectors::record::{ExecutionKind, ExecutionRecord, OrderCommand, RequestId, UnixNanos, Venue};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Local {
    /// All three.
    pub fn everywhere() -> Vec<Arc<Local>> {
        Local::ALL.map(|at| Arc::new(Local::start(at))).into()
    }
}

impl Setup {
    /// One gateway to all three venues; waits until orders may leave at each.
    pub fn start_everywhere(self) -> Rig {
        self.start_everywhere_by(|builder| builder)
    }

    /// The same with a gateway of another kind.
    pub fn start_everywhere_by(self, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Rig {
        let locals = Local::ALL.map(|at| Arc::new(Local::start_for(at, &self)));
        let mut rig = self.try_start(&locals, change).unwrap();
        rig.each(Rig::healthy);
        rig
    }

    /// A gateway to venues that run already; returns at once, speaking of the first.
    ///
    /// # Errors
    /// Those of the gateway's start.
    pub fn try_start(
        self,
        at: &[Arc<Local>],
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Result<Rig, GatewayError> {
        super::common::logs();
        let roots = RootFile::write(&at.iter().map(|local| local.ca_pem()).collect::<String>());
        let builder = at.iter().fold(self.builder(&roots), |builder, local| local.configure(builder, None, &self));
        let gateway = change(builder).start()?;
        let strategy = gateway.strategy()?;
        let mut others = Vec::new();
        for local in at {
            let traded = gateway.subscribe(strategy.id(), local.venue(), local.symbol(), self.channels)?;
            others.push((local.clone(), traded));
        }
        let (local, traded) = others.remove(0);
        Ok(Rig { gateway, ear: Ear::of(strategy), traded, canned: None, local, others, _roots: roots })
    }
}

impl Rig {
    /// Speaks of this venue from now on.
    pub fn turn_to(&mut self, at: Venue) {
        if let Some((local, traded)) = self.others.iter_mut().find(|(local, _)| local.venue() == at) {
            std::mem::swap(local, &mut self.local);
            std::mem::swap(traded, &mut self.traded);
        }
        assert_eq!(self.local.venue(), at, "the gateway serves it");
    }

    /// The same at every venue, one after the other, in the order of [`Local::ALL`].
    pub fn each<T>(&mut self, mut say: impl FnMut(&mut Rig) -> T) -> [T; 3] {
        Local::ALL.map(|at| {
            self.turn_to(at);
            say(self)
        })
    }

    /// The same for an order of each venue, as [`Rig::each`] gave them.
    pub fn each_of(&mut self, orders: &[ExecutionRecord; 3], mut say: impl FnMut(&mut Rig, &ExecutionRecord)) {
        for order in orders {
            self.turn_to(order.venue);
            say(self, order);
        }
    }

    /// The venue has this order open.
    pub fn rests(&self, order: &ExecutionRecord) -> bool {
        self.local.holds(order.client_order_id.as_str())
    }

    /// Submits a resting bid until the venue has received it, answered or not; what is refused here for want of a token or a
    /// connection is submitted again.
    #[track_caller]
    pub fn send(&mut self) -> RequestId {
        let (posted, deadline) = (self.local.orders_posted(), Instant::now() + PATIENCE);
        loop {
            let request = self.submit(self.resting_bid());
            let refused = self.until("the order to leave", |rig| match rig.records(request).first() {
                Some(first) => Some(is_for_want_of_a_path(first)),
                None => (rig.local.orders_posted() > posted).then_some(false),
            });
            if !refused || Instant::now() > deadline {
                return request;
            }
            self.strategy.wait(Duration::from_millis(1));
        }
    }

    /// Submits an order that must be refused here: nothing of it leaves.
    #[track_caller]
    pub fn refused_here(&mut self, order: OrderCommand) -> ExecutionRecord {
        let (posted, at) = (self.local.orders_posted(), self.local.venue());
        let request = self.submit(order);
        let refused = self.first(request);
        assert_eq!((refused.kind, refused.sent), (ExecutionKind::Rejected, UnixNanos::NONE), "{at}: {refused:?}");
        assert_eq!(self.local.orders_posted(), posted, "{at}: not a byte of it left");
        refused
    }

    /// Records that came so far do not count for the waits that follow; connections stand as they were told.
    pub fn forget(&mut self) {
        self.take();
        self.executions.clear();
    }

    /// The venues, in the order of [`Local::ALL`] if it is all three.
    pub fn locals(&self) -> Vec<Arc<Local>> {
        let others = self.others.iter().map(|(local, _)| local);
        let mut all: Vec<_> = std::iter::once(&self.local).chain(others).cloned().collect();
        all.sort_by_key(|local| local.venue());
        all
    }

    /// Ends the gateway as a program does that is killed: its orders stay open. Gives the venues, for another one.
    pub fn die(self) -> Vec<Arc<Local>> {
        self.locals()
    }
}

/// Whether these orders are open, each at its venue.
pub fn rest_at(locals: &[Arc<Local>], orders: &[ExecutionRecord]) -> Vec<bool> {
    let rests = |order: &ExecutionRecord| {
        let local = locals.iter().find(|local| local.venue() == order.venue).unwrap();
        local.holds(order.client_order_id.as_str())
    };
    orders.iter().map(rests).collect()
}
