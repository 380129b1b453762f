//! One place where an operation becomes a reply, whichever door it came in through.

use super::endpoint::Op;
use super::model::BinanceUs;
use super::order::ms;
use super::params::Params;
use super::reject::Failure;
use crate::sim::server::ConnId;

impl BinanceUs {
    /// Serves an operation whose sender has been let in; `conn` is the WebSocket API connection it came by.
    pub(super) fn serve(
        &mut self,
        now_ns: u64,
        op: Op,
        params: &Params,
        conn: Option<ConnId>,
    ) -> Result<String, Failure> {
        if op.orders() > 0 {
            self.usage.orders(now_ns, &self.limits, op.orders())?;
        }
        match op {
            Op::Ping => Ok("{}".to_owned()),
            Op::Time => Ok(format!(r#"{{"serverTime":{}}}"#, ms(now_ns))),
            Op::ExchangeInfo => self.exchange_info(now_ns, params),
            Op::Depth => self.depth(params),
            Op::Trades | Op::HistoricalTrades => self.trades(params),
            Op::AggTrades => self.agg_trades(params),
            Op::Klines => self.klines(params),
            Op::AveragePrice => self.average_price(now_ns, params),
            Op::Ticker24h => self.ticker_24h(now_ns, params),
            Op::TickerRolling => self.ticker_rolling(now_ns, params),
            Op::TickerPrice => self.ticker_price(params),
            Op::TickerBook => self.ticker_book(params),
            Op::PlaceOrder => self.place_order(now_ns, params),
            Op::TestOrder => self.test_order(now_ns, params),
            Op::QueryOrder => self.query_order(now_ns, params),
            Op::CancelOrder => self.cancel_order(now_ns, params),
            Op::OpenOrders => self.open_orders(now_ns, params),
            Op::CancelAll => self.cancel_all(now_ns, params),
            Op::CancelReplace => self.cancel_replace(now_ns, params),
            Op::PlaceOco => self.place_oco(now_ns, params),
            Op::QueryList => self.query_list(params),
            Op::CancelList => self.cancel_list(now_ns, params),
            Op::AllLists => self.lists(params, false),
            Op::OpenLists => self.lists(params, true),
            Op::AllOrders => self.all_orders(now_ns, params),
            Op::Account => self.account(now_ns, params),
            Op::MyTrades => self.my_trades(now_ns, params),
            Op::OrderCounts => Ok(self.order_counts(now_ns)),
            Op::PreventedMatches => self.prevented_matches(params),
            Op::MyFilters => self.my_filters(params),
            Op::StartListenKey => Ok(self.start_listen_key(now_ns)),
            Op::KeepListenKey => self.keep_listen_key(now_ns, params),
            Op::CloseListenKey => self.close_listen_key(params),
            Op::Subscribe => self.subscribe_user(conn),
            Op::Unsubscribe => self.unsubscribe_user(now_ns, conn, params),
        }
    }
}
