//! What a subscription record says: where what a venue serves is not what was asked of it.

use super::market::numbered;

/// A channel that can be subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SubscribedChannel {
    /// Order book.
    Book = 1,
    /// Public trades.
    Trades = 2,
    /// Ticker.
    Ticker = 3,
    /// The account's own events.
    User = 4,
    /// Signs of life.
    Heartbeats = 5,
    /// Ticker every few seconds.
    TickerBatch = 6,
    /// Candles.
    Candles = 7,
    /// Trading status and increments.
    Status = 8,
    /// Balances of the account's futures.
    FuturesBalance = 9,
}

impl SubscribedChannel {
    const ALL: [SubscribedChannel; 9] = [
        SubscribedChannel::Book,
        SubscribedChannel::Trades,
        SubscribedChannel::Ticker,
        SubscribedChannel::User,
        SubscribedChannel::Heartbeats,
        SubscribedChannel::TickerBatch,
        SubscribedChannel::Candles,
        SubscribedChannel::Status,
        SubscribedChannel::FuturesBalance,
    ];

    /// `book`, `trades`, `ticker`, `user`, `heartbeats`, `ticker_batch`, `candles`, `status` or
    /// `futures_balance`.
    pub const fn name(self) -> &'static str {
        match self {
            SubscribedChannel::Book => "book",
            SubscribedChannel::Trades => "trades",
            SubscribedChannel::Ticker => "ticker",
            SubscribedChannel::User => "user",
            SubscribedChannel::Heartbeats => "heartbeats",
            SubscribedChannel::TickerBatch => "ticker_batch",
            SubscribedChannel::Candles => "candles",
            SubscribedChannel::Status => "status",
            SubscribedChannel::FuturesBalance => "futures_balance",
        }
    }
}

/// How what the venue serves differs from what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Difference {
    /// Asked for and not among what the venue confirms, in time or any more. It is asked for again.
    Missing = 1,
    /// The venue answered the request with an error. It is asked for again.
    Refused = 2,
    /// Given up, and still among what the venue confirms.
    StillServed = 3,
    /// More than our connections have places for; it was not asked.
    NoPlace = 4,
    /// The feed has no such channel; it was not asked.
    NotOffered = 5,
}

impl Difference {
    const ALL: [Difference; 5] = [
        Difference::Missing,
        Difference::Refused,
        Difference::StillServed,
        Difference::NoPlace,
        Difference::NotOffered,
    ];

    /// `missing`, `refused`, `still_served`, `no_place` or `not_offered`.
    pub const fn name(self) -> &'static str {
        match self {
            Difference::Missing => "missing",
            Difference::Refused => "refused",
            Difference::StillServed => "still_served",
            Difference::NoPlace => "no_place",
            Difference::NotOffered => "not_offered",
        }
    }
}

/// A channel of an instrument that is not served as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Which channel.
    pub channel: SubscribedChannel,
    /// What is wrong.
    pub difference: Difference,
}

impl Subscription {
    pub(super) const fn words(self) -> [i64; 4] {
        [self.channel as i64, self.difference as i64, 0, 0]
    }

    pub(super) fn of_words([channel, difference, ..]: [i64; 4]) -> Subscription {
        Subscription {
            channel: numbered(&SubscribedChannel::ALL, channel).unwrap_or(SubscribedChannel::Heartbeats),
            difference: numbered(&Difference::ALL, difference).unwrap_or(Difference::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_survives_its_words() {
        for channel in SubscribedChannel::ALL {
            for difference in Difference::ALL {
                let subscription = Subscription { channel, difference };
                assert_eq!(Subscription::of_words(subscription.words()), subscription);
            }
        }
    }
}
