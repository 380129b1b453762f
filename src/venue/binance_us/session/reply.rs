//! What the sessions that carry requests say of them: why one was not sent, and how one ended. The same for both forms of
//! the API.

use super::super::cold::Unwritten;
use super::super::request::Unsupported;
use super::super::response::{self, ErrorBody, RowKind, Rows, Usage, Wait};
use super::super::snapshot::SnapshotOutcome;
use super::super::{products::Products, reject, VenueMs};
use crate::codec::http1::RequestError;
use crate::codec::json::Cursor;
use crate::order::Denial;
use crate::record::{ClientOrderId, Fixed, InlineText, InstrumentId, RejectClass, UnixNanos, VenueOrderId};
use crate::venue::fault::Fault;
use crate::venue::Facts;

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// Not open, or no more requests may follow on this connection.
    #[error("the connection takes no more requests")]
    Closed,
    /// As many requests are in flight as the connection takes.
    #[error("no more requests fit on this connection now")]
    Busy,
    /// The venue has no form for it.
    #[error("{0}")]
    Unsupported(#[from] Unsupported),
    /// Its answer is no fact, or this form of the API does not have it.
    #[error("this request is not for this connection")]
    WrongConnection,
    /// The symbol is not known to this session.
    #[error("the instrument is not known to this connection")]
    UnknownInstrument,
    /// A value cannot stand in a request.
    #[error("{0}")]
    Request(#[from] RequestError),
}

impl From<Unwritten> for NotSent {
    fn from(unwritten: Unwritten) -> NotSent {
        match unwritten {
            Unwritten::NoRestForm | Unwritten::NoCredentials => NotSent::WrongConnection,
            Unwritten::Request(error) => NotSent::Request(error),
        }
    }
}

/// Which request a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// A new order; its fact was told.
    Place,
    /// The checks of a new order.
    Test,
    /// A cancel; its fact was told.
    Cancel,
    /// A cancel of all orders of a symbol; their states were told.
    CancelAll,
    /// A cancel and a new order; both facts were told.
    Replace,
    /// A pair of orders; their states were told.
    PlaceOco,
    /// A cancel of a pair; their states were told.
    CancelList,
    /// One order; its state was told.
    Order,
    /// A listing; its rows were told.
    List(RowKind),
    /// The question for the time.
    Time,
    /// The question for the order counts: see the reply's usage.
    OrderCounts,
    /// The question for an average price.
    AveragePrice(InstrumentId),
    /// A book snapshot.
    Snapshot(InstrumentId),
    /// A listenKey was asked for, kept or closed.
    ListenKey,
    /// User events were subscribed on this connection.
    SubscribeUser,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as documented. The facts say the rest.
    Answered,
    /// Every row was told, but for the unreadable ones.
    Listed(Rows),
    /// The venue says that there is no such order (-2013). In the first
    /// [`ABSENCE_PROVES_NOTHING_MS`](super::super::limits::ABSENCE_PROVES_NOTHING_MS) after the order was sent that is
    /// no evidence.
    NotFound,
    /// The venue's clock, and when the question left: a sample for [`TimeSync`](super::super::TimeSync).
    Time {
        /// When the question left.
        sent: UnixNanos,
        /// What the venue's clock said.
        server: VenueMs,
    },
    /// The average price of the last minutes.
    AveragePrice(InstrumentId, Fixed),
    /// The listenKey.
    ListenKey(Box<str>),
    /// What became of the snapshot.
    Snapshot(SnapshotOutcome),
    /// The venue refused it.
    Refused {
        /// Why.
        class: RejectClass,
        /// The venue's code and the beginning of its words.
        code: InlineText<32>,
    },
    /// No use could be made of the answer, or there was none. Rows told so far are true, but not all.
    Failed {
        /// What was seen.
        code: InlineText<32>,
    },
}

/// Of an answer that is no success.
impl From<Denial> for Outcome {
    fn from(denial: Denial) -> Outcome {
        match denial {
            Denial::Refused { class, code } => Outcome::Refused { class, code },
            Denial::Unclear { code } => Outcome::Failed { code },
        }
    }
}

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which request.
    pub to: ReplyTo,
    /// The order it was about, if it was about one of ours.
    pub client_order_id: ClientOrderId,
    /// The order a cancel or a replace was to cancel, if it was named by the venue's id.
    pub venue_order_id: VenueOrderId,
    /// HTTP status, or the WebSocket API's; 0 if there was no answer.
    pub status: u16,
    /// What became of it.
    pub outcome: Outcome,
    /// What the venue counted.
    pub usage: Usage,
    /// How long the venue wants nothing sent.
    pub wait: Option<Wait>,
    /// The venue refused our stamp (-1021): [`TimeSync::refused`](super::super::TimeSync::refused), then ask for the time.
    pub clock_refused: bool,
}

/// What a call read.
pub type OrderProgress = crate::venue::OrderProgress<Reply>;

/// A request in flight. Public in name only, for [`Requests`](super::Requests): this module is not.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    pub to: ReplyTo,
    pub client: ClientOrderId,
    /// Of the order to cancel; empty if it was named by our id.
    pub venue: VenueOrderId,
    pub sent: UnixNanos,
    pub reply_by: UnixNanos,
}

impl Pending {
    pub(super) fn new(to: ReplyTo, now: UnixNanos, reply_ms_max: u64) -> Pending {
        Pending {
            to,
            client: ClientOrderId::EMPTY,
            venue: VenueOrderId::EMPTY,
            sent: now,
            reply_by: now.plus_ms(reply_ms_max),
        }
    }

    pub(super) fn of(self, client: ClientOrderId, venue: VenueOrderId) -> Pending {
        Pending { client, venue, ..self }
    }

    /// The reply of a success; tells its facts. After an error none was told.
    pub(super) fn succeeded(
        &self,
        cursor: &mut Cursor<'_, '_>,
        products: &mut Products,
        facts: &mut impl Facts,
    ) -> Result<(Outcome, Option<Usage>), Fault> {
        let outcome = match self.to {
            ReplyTo::Place => {
                response::placed(cursor, &self.client, products, facts)?;
                Outcome::Answered
            }
            ReplyTo::Cancel => {
                response::cancelled(cursor, &self.venue, products, facts)?;
                Outcome::Answered
            }
            ReplyTo::Replace => {
                response::replaced(cursor, &self.venue, &self.client, products, facts)?;
                Outcome::Answered
            }
            ReplyTo::PlaceOco if !self.client.is_empty() => {
                response::pair_placed(cursor, &self.client, products, facts)?;
                Outcome::Answered
            }
            ReplyTo::CancelAll | ReplyTo::PlaceOco | ReplyTo::CancelList => {
                let seen = response::reports(cursor, products, facts)?;
                Outcome::Listed(Rows { seen, ..Rows::default() })
            }
            ReplyTo::Order => {
                let last_id = response::tell_order(products, cursor, facts)?;
                Outcome::Listed(Rows { seen: 1, unreadable: 0, last_id })
            }
            ReplyTo::Time => Outcome::Time { sent: self.sent, server: response::server_time(cursor)? },
            ReplyTo::AveragePrice(instrument) => Outcome::AveragePrice(instrument, response::average_price(cursor)?),
            ReplyTo::ListenKey => match response::listen_key(cursor)? {
                Some(key) => Outcome::ListenKey(key),
                None => Outcome::Answered,
            },
            ReplyTo::OrderCounts => return Ok((Outcome::Answered, Some(Usage::of_rate_limits(cursor)?))),
            ReplyTo::Test | ReplyTo::SubscribeUser | ReplyTo::List(_) | ReplyTo::Snapshot(_) => {
                cursor.skip()?;
                Outcome::Answered
            }
        };
        Ok((outcome, None))
    }

    /// The reply of anything else; tells its facts. `told`: the halves of a replace were told already.
    pub(super) fn failed(
        &self,
        status: u16,
        error: Option<&ErrorBody<'_>>,
        told: bool,
        facts: &mut impl Facts,
    ) -> Outcome {
        let denial = response::denial(status, error);
        if !told {
            self.tell(denial, facts);
        }
        if self.to == ReplyTo::Order && error.is_some_and(|error| error.code == reject::NO_SUCH_ORDER) {
            return Outcome::NotFound;
        }
        match denial {
            // Its details were read: the halves are known.
            Denial::Unclear { code } if told => Outcome::Refused { class: RejectClass::Other, code },
            denial => denial.into(),
        }
    }

    /// There is no answer, or none that can be read.
    pub(super) fn lost(&self, code: &str, facts: &mut impl Facts) -> Reply {
        let denial = Denial::unclear(code);
        self.tell(denial, facts);
        self.reply(0, denial.into())
    }

    /// A reply without anything beside its outcome.
    pub(super) fn reply(&self, status: u16, outcome: Outcome) -> Reply {
        Reply {
            to: self.to,
            client_order_id: self.client,
            venue_order_id: self.venue,
            status,
            outcome,
            usage: Usage::default(),
            wait: None,
            clock_refused: false,
        }
    }

    fn tell(&self, denial: Denial, facts: &mut impl Facts) {
        match self.to {
            ReplyTo::Place => facts.place_reply(&self.client, denial.into()),
            ReplyTo::PlaceOco if !self.client.is_empty() => facts.place_reply(&self.client, denial.into()),
            ReplyTo::Cancel => facts.cancel_reply(&self.venue, denial.into()),
            ReplyTo::Replace => {
                facts.replace_reply(&self.venue, denial.into());
                facts.place_reply(&self.client, denial.into());
            }
            _ => {}
        }
    }
}
