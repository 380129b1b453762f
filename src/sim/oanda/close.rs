//! Closing trades and positions, and the orders that rest on a trade (OANDA reference 5).

use super::exchange::{Exchange, Placed};
use super::log::{About, Batch};
use super::order::{Closing, Exit, Extensions, Kind, Order};
use super::parse::Draft;
use super::text::{decimal, units};
use rust_decimal::Decimal;

/// What a client wants closed of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    None,
    Units(Decimal),
}

impl Part {
    /// Reads `ALL`, `NONE` or a positive number; an absent one is all.
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("ALL") => Some(Self::All),
            Some("NONE") => Some(Self::None),
            Some(text) => decimal(text).filter(|d| *d > Decimal::ZERO).map(Self::Units),
        }
    }

    /// The same as the client wrote it.
    fn text(&self) -> String {
        match self {
            Self::All => "ALL".to_owned(),
            Self::None => "NONE".to_owned(),
            Self::Units(size) => units(*size),
        }
    }

    fn of(&self, whole: Decimal) -> Decimal {
        match self {
            Self::All => whole,
            Self::None => Decimal::ZERO,
            Self::Units(size) => *size,
        }
    }
}

/// One side of a position close: what it wrote, or the reject.
pub(crate) type SideClosed = Result<Placed, (u64, &'static str)>;

impl Exchange {
    fn closing_order(&self, market: usize, size: Decimal, closing: Closing, labels: &Extensions) -> Order {
        let mut order = Order::new(Kind::Market, market);
        order.units = size;
        if !size.is_zero() {
            order.units_text = units(size);
        }
        order.position_fill = "REDUCE_ONLY";
        order.reason = match closing {
            Closing::Trade { .. } => "TRADE_CLOSE",
            Closing::Position { .. } => "POSITION_CLOSEOUT",
            Closing::Margin { .. } => "MARGIN_CLOSEOUT",
        };
        order.closing = Some(closing);
        order.extensions = labels.clone();
        order
    }

    /// Closes a trade or a part of it; the error is the reject's transaction and reason.
    pub(crate) fn close_trade(&mut self, batch: &mut Batch, specifier: &str, part: &Part) -> SideClosed {
        let found = self.trade(specifier).filter(|t| t.is_open()).map(|t| (t.id, t.market, t.units));
        let (id, market, size) = found.unwrap_or((specifier.parse().unwrap_or(0), 0, Decimal::ZERO));
        let closes = part.of(size.abs());
        let signed = if size.is_sign_positive() { -closes } else { closes };
        let client = self.account.trades.get(&id).and_then(|t| t.extensions.id.clone());
        let closing = Closing::Trade { trade: id, client, units: part.text() };
        let order = self.closing_order(market, signed, closing, &Extensions::default());
        let precision = self.markets.get(market).map_or(0, |m| m.instrument.trade_units_precision);
        let reason = if found.is_none() {
            "TRADE_DOESNT_EXIST"
        } else if closes > size.abs() {
            "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE"
        } else if closes.normalize().scale() > precision {
            "UNITS_PRECISION_EXCEEDED"
        } else if closes.is_zero() {
            "UNITS_INVALID"
        } else {
            return Ok(self.place(batch, order));
        };
        let draft = Draft { order, reject: None, target_missing: false };
        Err((self.reject(batch, &draft, reason), reason))
    }

    /// Closes both sides of a position as asked, long first. If one of them cannot be, neither is (OANDA reference 5).
    pub(crate) fn close_position(
        &mut self,
        batch: &mut Batch,
        market: usize,
        asked: [(Part, Extensions); 2],
    ) -> [Option<SideClosed>; 2] {
        let sides = [true, false].map(|long| self.account.units(market, long));
        let precision = self.markets.get(market).map_or(0, |m| m.instrument.trade_units_precision);
        let fault = |part: &Part, size: Decimal| match part {
            Part::None => None,
            _ if size.is_zero() => Some("CLOSEOUT_POSITION_DOESNT_EXIST"),
            Part::Units(closes) if *closes > size.abs() => Some("CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE"),
            Part::Units(closes) if closes.normalize().scale() > precision => Some("UNITS_PRECISION_EXCEEDED"),
            _ => None,
        };
        let faults: Vec<_> = asked.iter().zip(sides).map(|((part, _), size)| fault(part, size)).collect();
        let any = faults.iter().any(Option::is_some);
        let mut done = [None, None];
        let all = asked.iter().zip(sides).zip(faults).zip([true, false]);
        for (place, ((((part, labels), size), fault), long)) in done.iter_mut().zip(all) {
            if *part == Part::None {
                continue;
            }
            let closes = part.of(size.abs());
            let signed = if size.is_zero() {
                Decimal::ZERO
            } else if long {
                -closes
            } else {
                closes
            };
            let order = self.closing_order(market, signed, Closing::Position { long, units: part.text() }, labels);
            *place = Some(if any {
                let reason = fault.unwrap_or("CLOSEOUT_POSITION_REJECT");
                let draft = Draft { order, reject: None, target_missing: false };
                Err((self.reject(batch, &draft, reason), reason))
            } else {
                Ok(self.place(batch, order))
            });
        }
        done
    }

    /// The order of that kind that rests on a trade.
    pub(crate) fn exit_of(&self, trade: u64, kind: Kind) -> Option<u64> {
        let exits = &self.account.trades.get(&trade)?.exits;
        exits.iter().copied().find(|id| self.orders.get(id).is_some_and(|o| o.kind == kind))
    }

    /// Takes an order off a trade, or puts one there in place of the one it has. Gives the cancel and what was placed.
    pub(crate) fn change_exit(
        &mut self,
        batch: &mut Batch,
        trade: u64,
        kind: Kind,
        exit: Option<&Exit>,
    ) -> (Option<u64>, Option<Placed>) {
        let old = self.exit_of(trade, kind);
        let Some(exit) = exit else {
            return (old.map(|id| self.cancel(batch, id, "CLIENT_REQUEST", &[])), None);
        };
        let Some(old) = old else {
            return (None, Some(self.create_exit(batch, exit, trade, None, "CLIENT_ORDER", None)));
        };
        let Some(order) = self.exit_order(exit, trade, None, "REPLACEMENT", None) else { return (None, None) };
        let (cancel, placed) = self.replace(batch, old, order);
        (Some(cancel), Some(placed))
    }

    /// Writes that an order may not be put on a trade.
    pub(crate) fn reject_exit(&mut self, batch: &mut Batch, trade: u64, exit: &Exit, reason: &str) -> u64 {
        let Some(order) = self.exit_order(exit, trade, None, "CLIENT_ORDER", None) else { return 0 };
        self.reject(batch, &Draft { order, reject: None, target_missing: false }, reason)
    }

    /// New margin rate or name of the account.
    pub(crate) fn configure(&mut self, batch: &mut Batch, alias: Option<&str>, rate: Option<Decimal>) -> u64 {
        if let Some(alias) = alias {
            self.account.alias = alias.to_owned();
        }
        self.account.margin_rate = rate.unwrap_or(self.account.margin_rate);
        self.log.write(batch, "CLIENT_CONFIGURE", About::default(), |j| {
            if let Some(alias) = alias {
                j.str("alias", alias);
            }
            if let Some(rate) = rate {
                j.str("marginRate", units(rate));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_read_as_the_venue_takes_them() {
        assert_eq!((Part::parse(None), Part::parse(Some("NONE"))), (Some(Part::All), Some(Part::None)));
        assert_eq!(Part::parse(Some("10")).map(|p| p.text()), Some("10".to_owned()));
        assert!(["-1", "0", "some"].iter().all(|text| Part::parse(Some(text)).is_none()));
    }
}
