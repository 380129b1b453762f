//! A venue that quotes prices: what it quotes, and the scripts.

use super::common::{self, decimal};
use super::feed::Levels;
use super::oanda;
use super::stage::{Market, Stage};
use exchange_connectors::gateway::{Channels, GatewayBuilder};
use exchange_connectors::record::{
    ExecutionKind as K, Lifetime, OandaOptions, OnTrigger, OrderCommand, OrderQuantity, OrderShape, OrderTerms,
    PositionFill, PreparedOrder, RequestId, Side, TimeInForce, TradingStatus, Trigger, TriggerDirection, Venue,
};
use exchange_connectors::sim::oanda::LocalOanda;
use rust_decimal::Decimal;
use std::cell::RefCell;
use Side::{Buy, Sell};

/// The local venue's own default.
const BALANCES: [(&str, &str); 1] = [("USD", "100000")];
/// Prices and units, best first.
type Buckets<'a> = &'a [(&'a str, &'a str)];
const BIDS: Buckets<'_> = &[("1.20000", "1000"), ("1.19990", "5000")];
const ASKS: Buckets<'_> = &[("1.20010", "1000"), ("1.20020", "5000")];

/// The local venue, and what it was told to quote last.
pub struct Quoting {
    pub venue: LocalOanda,
    quoted: RefCell<Levels>,
}

impl Market for Quoting {
    const CHANNELS: Channels = Channels::BOOK.with(Channels::STATUS);

    /// Orders that waited for the price have taken their part of it before it is streamed.
    fn shows(&self, held: &Levels) -> bool {
        let quoted = self.quoted.borrow();
        held.iter().zip(quoted.iter()).all(|(held, quoted)| {
            let left = |(price, size): &(Decimal, Decimal)| quoted.iter().any(|(p, s)| p == price && size <= s);
            held.is_empty() == quoted.is_empty() && held.iter().all(left)
        })
    }
}

pub type Quotes = Stage<Quoting>;

impl Quotes {
    pub fn oanda(on_paper: bool) -> Quotes {
        let venue = oanda::quiet_venue(|_| {});
        let roots = common::RootFile::write(venue.ca_pem());
        let builder = GatewayBuilder::default().oanda(oanda::config(&venue));
        let quoting = Quoting { venue, quoted: RefCell::default() };
        let balances = on_paper.then_some(&BALANCES[..]);
        Stage::start(Venue::Oanda, "EUR_USD", Box::new(quoting), builder, roots, balances)
    }

    /// A new price, which the gateway knows.
    #[track_caller]
    fn quote(&mut self, bids: Buckets<'_>, asks: Buckets<'_>) {
        let [bids, asks] = [bids, asks]
            .map(|side| side.iter().map(|(price, units)| (decimal(price), decimal(units))).collect::<Vec<_>>());
        self.market.venue.set_liquidity("EUR_USD", &bids, &asks).unwrap();
        self.market.quoted.replace([bids, asks]);
        self.seen();
    }

    /// The usual price again, with full buckets: nothing is quoted in between, so that it is known to be news.
    #[track_caller]
    fn renew(&mut self) {
        self.quote(&[], &[]);
        self.quote(BIDS, ASKS);
    }

    /// Everything of ours is cancelled, the position is closed, and the price is the usual one.
    pub fn reset(&mut self) {
        self.cancel_all();
        self.renew();
        let net = self.held;
        if net != 0 {
            let side = if net > 0 { Sell } else { Buy };
            self.quote(&[("1.20000", "90000000")], &[("1.20010", "90000000")]);
            let close = self.place(OrderCommand::market(self.instrument.id, side, net.abs()));
            self.over(close);
            self.until("the flat position", |stage| (stage.held == 0).then_some(()));
        }
        self.cancel_all();
        self.renew();
    }

    /// Open or closed for trading, which the gateway knows.
    #[track_caller]
    fn open(&mut self, tradeable: bool) {
        self.market.venue.set_tradeable("EUR_USD", tradeable).unwrap();
        let wanted = if tradeable { TradingStatus::Online } else { TradingStatus::Halted };
        self.until("the status", |stage| (stage.status == wanted).then_some(()));
    }

    fn prepared(&mut self, terms: OrderTerms) -> RequestId {
        let order = PreparedOrder::new(&self.instrument, terms).unwrap();
        let slot = self.strategy.orders.prepare(order).unwrap();
        self.place(OrderCommand::prepared(slot))
    }

    /// A market order once a price is reached, none worse than the bound.
    fn on(&self, side: Side, units: &str, at: &str, direction: TriggerDirection, bound: Option<&str>) -> OrderTerms {
        let trigger = Trigger::Price { at: self.price(at), direction };
        let then = OnTrigger::Market { worst_price: bound.map(|bound| self.price(bound)) };
        OrderTerms::new(side, OrderQuantity::Base(self.size(units)), OrderShape::Triggered { trigger, then })
    }

    fn filling(&self, side: Side, units: &str, fill: PositionFill) -> OrderTerms {
        let shape = OrderShape::Market { worst_price: None };
        let options = OandaOptions { position_fill: Some(fill), ..OandaOptions::default() };
        OrderTerms::new(side, OrderQuantity::Base(self.size(units)), shape).with_options(options)
    }
}

/// A purchase at the market.
pub fn market(stage: &Quotes, units: &str) -> OrderCommand {
    OrderCommand::market(stage.instrument.id, Buy, stage.size(units))
}

fn sale(stage: &Quotes, units: &str) -> OrderCommand {
    OrderCommand::market(stage.instrument.id, Sell, stage.size(units))
}

pub type Script = fn(&mut Quotes);

/// As those of the books: no question is left open that only time answers.
pub const SCRIPTS: &[(&str, Script)] = &[
    ("an order waits and is cancelled", |s| {
        let bid = s.place(s.limit(Buy, "1.10000", "100"));
        s.cancel(bid);
        s.over(bid);
        s.cancel(bid);
    }),
    ("a market order against the position closes and opens in one fill", |s| {
        for command in [market(s, "100"), market(s, "50"), sale(s, "120"), sale(s, "250"), market(s, "220")] {
            let order = s.place(command);
            s.over(order);
        }
    }),
    ("an order walks the buckets, and what it took is gone until the next price", |s| {
        let first = s.place(market(s, "1500"));
        s.over(first);
        let second = s.place(market(s, "4000"));
        s.over(second);
        s.renew();
        let third = s.place(sale(s, "1001"));
        s.over(third);
    }),
    ("a limit order is filled whole at the price there is, or waits", |s| {
        let now = s.place(s.limit(Buy, "1.20015", "500"));
        s.over(now);
        let waits = s.place(s.limit(Buy, "1.20015", "2000"));
        s.quote(&[("1.20000", "1000")], &[("1.20012", "1500"), ("1.20018", "9000")]);
        s.quote(&[("1.20000", "1000")], &[("1.20011", "1500"), ("1.20014", "9000")]);
        s.over(waits);
        let ask = s.place(s.limit(Sell, "1.20100", "300"));
        s.quote(&[("1.20150", "1000")], &[("1.20160", "1000")]);
        s.over(ask);
    }),
    ("immediate orders take what is there, all of it or nothing", |s| {
        let tif = |command: OrderCommand, tif| command.time_in_force(tif);
        let (ioc, fok) = (TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill);
        for command in [
            tif(s.limit(Buy, "1.20015", "1800"), ioc),
            tif(s.limit(Buy, "1.20005", "100"), ioc),
            tif(s.limit(Sell, "1.19995", "1001"), fok),
            tif(s.limit(Sell, "1.19995", "1000"), fok),
            tif(sale(s, "5001"), fok),
            tif(sale(s, "5000"), fok),
            market(s, "100000"),
            market(s, "1"),
        ] {
            let order = s.place(command);
            s.over(order);
        }
    }),
    ("what the account cannot bear is cancelled, at once or when its price comes", |s| {
        s.quote(&[("1.20001", "90000000")], &[("1.20010", "90000000")]);
        let much = s.place(market(s, "5000000"));
        s.over(much);
        let most = s.place(market(s, "3000000"));
        s.over(most);
        let more = s.place(market(s, "2000000"));
        s.over(more);
        let waits = s.place(s.limit(Buy, "1.19500", "3000000"));
        s.quote(&[("1.19400", "90000000")], &[("1.19410", "90000000")]);
        s.over(waits);
        let less = s.place(sale(s, "4000000"));
        s.over(less);
    }),
    ("an account that is lost is closed out", |s| {
        s.quote(&[("1.20002", "90000000")], &[("1.20010", "90000000")]);
        for _ in 0..2 {
            let half = s.place(market(s, "1500000"));
            s.over(half);
        }
        s.quote(&[("1.18000", "90000000")], &[("1.18010", "90000000")]);
        s.until("the closed position", |stage| (stage.held == 0).then_some(()));
        let again = s.place(market(s, "100"));
        s.over(again);
    }),
    ("figures off the increments are refused", |s| {
        let (tick, price) = (s.instrument.tick_mantissa(), s.price("1.10000"));
        s.place(OrderCommand::limit(s.instrument.id, Buy, price + (tick / 2).max(1), s.size("100")));
        s.place(OrderCommand::limit(s.instrument.id, Buy, price, s.size("0.5")));
        s.place(s.limit(Buy, "1.10000", "200000000"));
        s.place(s.limit(Buy, "1.10000", "100").post_only());
    }),
    ("an order is changed, into the market at last", |s| {
        let bid = s.place(s.limit(Buy, "1.10000", "100"));
        let bid = s.replace(bid, "1.11000", "150");
        let bid = s.replace(bid, "1.20015", "200");
        s.over(bid);
        s.replace(bid, "1.10000", "100");
    }),
    ("stops and orders to be touched wait for their price", |s| {
        use TriggerDirection::{Down, Up};
        let stop = s.prepared(s.on(Buy, "100", "1.20100", Up, None));
        let touched = s.prepared(s.on(Sell, "70", "1.20090", Up, None));
        let bounded = s.prepared(s.on(Buy, "60", "1.20100", Up, Some("1.20105")));
        s.quote(&[("1.20095", "1000")], &[("1.20099", "1000")]);
        s.over(touched);
        s.quote(&[("1.20110", "1000")], &[("1.20120", "1000")]);
        s.over(stop);
        s.over(bounded);
        let down = s.prepared(s.on(Buy, "40", "1.20000", Down, None));
        s.quote(&[("1.19980", "1000")], &[("1.19990", "1000")]);
        s.over(down);
    }),
    ("bounds and what an order may do to the position are kept", |s| {
        let bound = OrderShape::Market { worst_price: Some(s.price("1.20010")) };
        let bounded = s.prepared(OrderTerms::new(Buy, OrderQuantity::Base(s.size("1200")), bound));
        s.over(bounded);
        for (side, units, fill) in [
            (Sell, "100", PositionFill::OpenOnly),
            (Sell, "400", PositionFill::ReduceFirst),
            (Sell, "600", PositionFill::ReduceOnly),
            (Sell, "10", PositionFill::ReduceOnly),
            (Sell, "10", PositionFill::OpenOnly),
        ] {
            let order = s.prepared(s.filling(side, units, fill));
            s.over(order);
        }
    }),
    ("an order good until a moment ends then", |s| {
        let shape = OrderShape::Limit { price: s.price("1.10000"), post_only: false, shown: None };
        let terms = OrderTerms::new(Buy, OrderQuantity::Base(s.size("100")), shape);
        let brief = s.prepared(terms.living(Lifetime::For { ms: 300 }));
        s.over(brief);
    }),
    ("nothing is filled while the market is closed", |s| {
        let waits = s.place(s.limit(Buy, "1.19000", "100"));
        s.open(false);
        s.place(market(s, "100"));
        s.quote(&[("1.18000", "1000")], &[("1.18010", "1000")]);
        assert!(!s.executions.iter().any(|r| r.kind == K::Fill), "{:#?}", s.executions);
        s.open(true);
        s.over(waits);
    }),
];
