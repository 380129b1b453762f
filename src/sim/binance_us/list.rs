//! OCO lists: two orders of which one ends the other (Binance.US reference 3, "OCO").

use super::order::ms;
use crate::sim::Json;

/// A list of two orders. Its state follows from them.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) id: u64,
    pub(crate) symbol: usize,
    /// The present client id: a cancel puts its own in place.
    pub(crate) client_id: String,
    pub(crate) asked_client_id: String,
    /// Places of the stop leg and the limit leg.
    pub(crate) legs: [usize; 2],
    pub(crate) at_ns: u64,
    pub(crate) done: bool,
}

impl List {
    pub(crate) fn status_type(&self) -> &'static str {
        if self.done {
            "ALL_DONE"
        } else {
            "EXEC_STARTED"
        }
    }

    pub(crate) fn order_status(&self) -> &'static str {
        if self.done {
            "ALL_DONE"
        } else {
            "EXECUTING"
        }
    }

    /// The list as REST shows it; `orders` are (order id, client order id).
    pub(crate) fn write(&self, j: &mut Json, symbol: &str, orders: &[(u64, String)]) {
        j.raw("orderListId", self.id)
            .str("contingencyType", "OCO")
            .str("listStatusType", self.status_type())
            .str("listOrderStatus", self.order_status())
            .str("listClientOrderId", &self.client_id)
            .raw("transactionTime", ms(self.at_ns))
            .str("symbol", symbol)
            .arr("orders", |j| {
                for (id, client_id) in orders {
                    j.item(|j| {
                        j.str("symbol", symbol).raw("orderId", id).str("clientOrderId", client_id);
                    });
                }
            });
    }

    /// `listStatus` of the user stream (reference 7).
    pub(crate) fn event(&self, at_ns: u64, symbol: &str, orders: &[(u64, String)]) -> String {
        Json::compact().object(|j| {
            j.str("e", "listStatus")
                .raw("E", ms(at_ns))
                .str("s", symbol)
                .raw("g", self.id)
                .str("c", "OCO")
                .str("l", self.status_type())
                .str("L", self.order_status())
                .str("r", "NONE")
                .str("C", &self.client_id)
                .raw("T", ms(self.at_ns))
                .arr("O", |j| {
                    for (id, client_id) in orders {
                        j.item(|j| {
                            j.str("s", symbol).raw("i", id).str("c", client_id);
                        });
                    }
                });
        })
    }
}
