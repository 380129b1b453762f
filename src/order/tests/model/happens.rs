//! What can happen to orders in a random interleaving.

use super::venue::Fate;
use super::ORDERS_MAX;
use crate::order::OrderStatus;

#[derive(Debug, Clone)]
pub(super) enum Op {
    Place(Fate),
    Arrive(usize),
    Execute(usize, i64),
    Finish(usize, OrderStatus),
    /// The k-th state; how much of it is left out: nothing, the money, all that was executed.
    Stream(usize, usize, usize),
    Reply(usize),
    Lose(usize),
    Timeout(usize),
    Row(usize, usize),
    Query {
        complete: bool,
        stale: bool,
    },
    StreamUp,
    StreamDown,
    Cancel(usize),
    AnswerCancel {
        arrives: bool,
        reply: bool,
    },
    Advance(u64),
    /// The session dies; meanwhile orders may be executed or end; another one follows.
    Restart {
        gap_ms: u64,
        meanwhile: u8,
    },
    /// Half a minute in which every question is answered truthfully.
    Quiet,
}

/// Decoded from one random word: generating them as strategies costs ten times what testing them does.
impl From<u32> for Op {
    fn from(word: u32) -> Op {
        let [pick, i, k, flag] = word.to_le_bytes();
        let last = flag;
        let (i, k, flag, other) = (usize::from(i) % ORDERS_MAX, usize::from(k), flag % 2 == 0, flag % 4 < 2);
        match pick % 42 {
            0..=2 => Op::Place(match k % 16 {
                0 => Fate::Refused,
                1 => Fate::Lost,
                _ => Fate::Lives,
            }),
            3..=7 => Op::Arrive(i),
            8..=11 => Op::Execute(i, 1 + k as i64 * 4),
            12 => Op::Finish(
                i,
                [OrderStatus::Filled, OrderStatus::Cancelled, OrderStatus::Expired, OrderStatus::Failed][k % 4],
            ),
            13..=18 => Op::Stream(i, k, usize::from(flag) + usize::from(other)),
            19..=20 => Op::Reply(i),
            21 => Op::Lose(i),
            22 => Op::Timeout(i),
            23..=26 => Op::Row(i, k),
            27..=30 => Op::Query { complete: flag, stale: other },
            31 => Op::StreamUp,
            32 => Op::StreamDown,
            33 => Op::Cancel(i),
            34..=35 => Op::AnswerCancel { arrives: flag, reply: other },
            36 if flag && other => Op::Quiet,
            40 => Op::Restart { gap_ms: 1 + k as u64 * 40, meanwhile: last },
            37 => Op::Advance(500 + k as u64 * 30),
            _ => Op::Advance(1 + k as u64 * 2),
        }
    }
}
