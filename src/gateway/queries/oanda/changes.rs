//! Changes at OANDA that are no orders of a strategy: closing trades and positions, exits on a trade, labels, and a cancel
//! by the client's id. Each is sent once; what it did is told to the strategies by the account's transactions, like
//! anything else that happens to the account. With market data only, and on paper, nothing is sent.

use super::{Answer, OandaQueries};
use crate::gateway::error::ExchangeError;
use crate::record::{ClientOrderId, Fixed, Instrument, Venue};
use crate::venue::oanda::request::check::{check_close, check_exit, CheckError};
use crate::venue::oanda::request::{ByDistance, Expiry};
use crate::venue::oanda::request::{
    Change, CloseUnits, Command, Exit, ExitKind, ExitOrder, Labels, OrderSpecifier, StopLevel, TakeProfitAt,
    TradeExits, TradeSpecifier,
};
use crate::venue::oanda::response::{self, Done};
use crate::venue::oanda::InstrumentRules;

/// What a gateway that may not trade there, or does so on paper, refuses.
const CHANGES: &str = "changing the account with market data only, or on paper,";

impl OandaQueries {
    /// Closes a position: each side wholly, in part or not at all.
    ///
    /// # Errors
    /// [`ExchangeError::InvalidArgument`] before anything is sent; [`ExchangeError::Rejected`] if there is nothing to
    /// close, or it was cancelled at once, as in a halted market; an error with
    /// [`is_ambiguous`](ExchangeError::is_ambiguous) if it may have happened: look at the position before trying again.
    pub fn close_position(&self, instrument: &Instrument, long: CloseUnits, short: CloseUnits) -> Answer<Done> {
        let rules = self.rules_of(instrument)?;
        for units in [long, short] {
            checked_close(units, &rules)?;
        }
        if (long, short) == (CloseUnits::None, CloseUnits::None) {
            return Err(ExchangeError::InvalidArgument { argument: "units", why: "nothing to close".to_owned() });
        }
        let instrument = instrument.symbol();
        self.change("close position", &Command::ClosePosition { instrument, long, short, labels: Labels::default() })
    }

    /// Closes a trade, wholly or in part.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn close_trade(&self, instrument: &Instrument, trade: TradeSpecifier<'_>, units: CloseUnits) -> Answer<Done> {
        checked_close(units, &self.rules_of(instrument)?)?;
        if units == CloseUnits::None {
            return Err(ExchangeError::InvalidArgument { argument: "units", why: "nothing to close".to_owned() });
        }
        self.change("close trade", &Command::CloseTrade(trade, units))
    }

    /// Places, changes and cancels the exits of a trade together: take-profit, stop-loss, trailing and guaranteed stop.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn change_exits(
        &self,
        instrument: &Instrument,
        trade: TradeSpecifier<'_>,
        exits: &TradeExits<'_>,
    ) -> Answer<Done> {
        let rules = self.rules_of(instrument)?;
        let TradeExits { take_profit, stop_loss, trailing_stop, guaranteed_stop } = exits;
        let of = |exit: ExitKind, expiry: Expiry, labels| {
            let order = ExitOrder { trade, kind: exit, expiry, trigger: Default::default(), labels };
            check_exit(&order, &rules).map_err(refused)
        };
        if let Change::Set(Exit::<TakeProfitAt> { level, expiry, labels }) = take_profit {
            of(ExitKind::TakeProfit(*level), *expiry, *labels)?;
        }
        if let Change::Set(Exit::<StopLevel> { level, expiry, labels }) = stop_loss {
            of(ExitKind::StopLoss(*level), *expiry, *labels)?;
        }
        if let Change::Set(Exit::<ByDistance> { level, expiry, labels }) = trailing_stop {
            of(ExitKind::TrailingStopLoss(*level), *expiry, *labels)?;
        }
        if let Change::Set(Exit::<StopLevel> { level, expiry, labels }) = guaranteed_stop {
            of(ExitKind::GuaranteedStopLoss(*level), *expiry, *labels)?;
        }
        self.change("change exits", &Command::ChangeExits(trade, exits))
    }

    /// Places one order that closes a trade.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn place_exit(&self, instrument: &Instrument, order: &ExitOrder<'_>) -> Answer<Done> {
        check_exit(order, &self.rules_of(instrument)?).map_err(refused)?;
        self.change("place exit", &Command::PlaceExit(order))
    }

    /// Puts another exit in the place of one; the venue gives it another id.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn replace_exit(
        &self,
        instrument: &Instrument,
        old: OrderSpecifier<'_>,
        order: &ExitOrder<'_>,
    ) -> Answer<Done> {
        check_exit(order, &self.rules_of(instrument)?).map_err(refused)?;
        self.change("replace exit", &Command::ReplaceExit(old, order))
    }

    /// Cancels an order by the venue's id, whoever placed it.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`]; [`RejectClass::UnknownOrder`](crate::record::RejectClass::UnknownOrder) if
    /// it is over already, or never was.
    pub fn cancel(&self, order: OrderSpecifier<'_>) -> Answer<Done> {
        self.change("cancel", &Command::Cancel(order))
    }

    /// Cancels a pending order by our id, for when the venue's is not known. Orders of strategies are cancelled over their
    /// rings; this does the same from any thread.
    ///
    /// # Errors
    /// As [`OandaQueries::cancel`].
    pub fn cancel_by_client_id(&self, id: &ClientOrderId) -> Answer<Done> {
        self.cancel(OrderSpecifier::Client(id.as_str()))
    }

    /// Gives a pending order, and the trade it will open, other labels. Ours are found by their id, which must not be
    /// changed.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn label_order(&self, order: OrderSpecifier<'_>, labels: Labels<'_>, trade: Labels<'_>) -> Answer<Done> {
        self.change("label order", &Command::LabelOrder(order, labels, trade))
    }

    /// Gives a trade other labels.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn label_trade(&self, trade: TradeSpecifier<'_>, labels: Labels<'_>) -> Answer<Done> {
        self.change("label trade", &Command::LabelTrade(trade, labels))
    }

    /// Sets the account's margin rate, such as 0.05.
    ///
    /// # Errors
    /// As [`OandaQueries::close_position`].
    pub fn set_margin_rate(&self, margin_rate: Fixed) -> Answer<Done> {
        self.change("set margin rate", &Command::Configure { margin_rate })
    }

    fn rules_of(&self, instrument: &Instrument) -> Answer<InstrumentRules> {
        self.rules(instrument.symbol())
            .map_err(|error| ExchangeError::InvalidArgument { argument: "instrument", why: error.to_string() })
    }

    /// One change, sent once.
    fn change(&self, operation: &'static str, command: &Command<'_>) -> Answer<Done> {
        let venue = Venue::Oanda;
        if !self.shared.trades {
            return Err(ExchangeError::Unsupported(venue, CHANGES));
        }
        check_command(command)?;
        // Without the venue's own words nothing says whether it was done, but for what is turned away before it is looked at.
        let unclear = |cause: String| ExchangeError::Transport { venue, operation, cause, ambiguous: true };
        let reply = match self.send_built(operation, true, |caller, out| caller.put_command(command, out)) {
            Err(ExchangeError::Http { status, excerpt, .. }) if !matches!(status, 401 | 403 | 429) => {
                return Err(unclear(format!("HTTP {status}: {excerpt}")));
            }
            reply => reply?,
        };
        let done = response::done(&reply.body).map_err(|error| unclear(error.to_string()))?;
        match done.nothing {
            None => Ok(done),
            Some(code) => {
                let class = crate::venue::oanda::reject::class(&code);
                Err(ExchangeError::Rejected { venue, operation, class, code: code.into() })
            }
        }
    }
}

/// What no request can be built of that means one thing: its path would be another's.
fn check_command(command: &Command<'_>) -> Answer<()> {
    match command {
        Command::Cancel(order) | Command::LabelOrder(order, ..) => named("order", *order),
        Command::CloseTrade(trade, _) | Command::ChangeExits(trade, _) | Command::LabelTrade(trade, _) => {
            named("trade", *trade)
        }
        Command::PlaceExit(exit) => named("trade", exit.trade),
        Command::ReplaceExit(old, exit) => named("order", *old).and(named("trade", exit.trade)),
        Command::Configure { margin_rate } if margin_rate.mantissa() <= 0 => {
            let why = format!("{margin_rate}: a positive fraction is needed, such as 0.05 for 20:1");
            Err(ExchangeError::InvalidArgument { argument: "margin_rate", why })
        }
        _ => Ok(()),
    }
}

/// An order or a trade must have a name.
pub(super) fn named(argument: &'static str, specifier: OrderSpecifier<'_>) -> Answer<()> {
    let (OrderSpecifier::Id(id) | OrderSpecifier::Client(id)) = specifier;
    match id.is_empty() {
        true => Err(ExchangeError::InvalidArgument { argument, why: "an empty id names nothing".to_owned() }),
        false => Ok(()),
    }
}

fn checked_close(units: CloseUnits, rules: &InstrumentRules) -> Answer<()> {
    match units {
        CloseUnits::All | CloseUnits::None => Ok(()),
        CloseUnits::Units(units) => check_close(units, rules).map_err(refused),
    }
}

fn refused(error: CheckError) -> ExchangeError {
    ExchangeError::InvalidArgument { argument: error.code(), why: error.to_string() }
}
