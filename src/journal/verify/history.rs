//! The history of one order, record by record: which may follow which. Pure; the law is that of [`crate::order`].

use super::read::ExecutionLine;
use crate::record::ExecutionKind as K;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// How far an order is, as told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Taken, nothing told.
    Silent,
    /// Its beginning is not in the log: whatever comes first is believed.
    Joined,
    /// Outcome unknown.
    Unknown,
    /// Accepted.
    Live,
    /// Over, by this record.
    Over(K),
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) stage: Stage,
    /// Sum of the fills told.
    executed: Decimal,
    executions: BTreeSet<String>,
}

impl History {
    /// The order of a command in this log.
    pub(super) fn begun() -> History {
        History { stage: Stage::Silent, executed: Decimal::ZERO, executions: BTreeSet::new() }
    }

    /// An order whose beginning is not in this log.
    pub(super) fn joined() -> History {
        History { stage: Stage::Joined, ..History::begun() }
    }

    /// An order of a run before this one, as it was listed.
    pub(super) fn adopted(line: &ExecutionLine) -> History {
        History { stage: Stage::Live, executed: line.cumulative, ..History::begun() }
    }

    /// The next record of this order; what is wrong with it, if anything is.
    pub(super) fn record(&mut self, line: &ExecutionLine) -> Result<(), String> {
        match line.event {
            K::Accepted => self.accepted(line),
            K::Rejected => self.rejected(line),
            K::Unknown => self.unknown(),
            K::Fill => self.fill(line),
            K::FillDetail => self.detail(line),
            K::Filled | K::Cancelled | K::Expired => self.end(line),
            // Answers to cancels and changes, listings, strangers: they move no order.
            _ => Ok(()),
        }
    }

    fn accepted(&mut self, line: &ExecutionLine) -> Result<(), String> {
        let before = std::mem::replace(&mut self.stage, Stage::Live);
        match before {
            Stage::Silent | Stage::Joined => Ok(()),
            Stage::Unknown if line.reconciled => Ok(()),
            Stage::Unknown => Err("accepted after unknown, but not flagged reconciled".to_owned()),
            Stage::Live => Err("accepted twice".to_owned()),
            Stage::Over(end) => {
                self.stage = before;
                Err(format!("accepted after its end ({end:?})"))
            }
        }
    }

    fn rejected(&mut self, line: &ExecutionLine) -> Result<(), String> {
        let before = std::mem::replace(&mut self.stage, Stage::Over(K::Rejected));
        match before {
            Stage::Silent | Stage::Joined => Ok(()),
            Stage::Unknown if line.reconciled => Ok(()),
            Stage::Unknown => Err("rejected after unknown, but not flagged reconciled".to_owned()),
            Stage::Live => Err("rejected after it was accepted".to_owned()),
            Stage::Over(end) => Err(format!("rejected after its end ({end:?})")),
        }
    }

    fn unknown(&mut self) -> Result<(), String> {
        match self.stage {
            Stage::Silent | Stage::Joined | Stage::Unknown => {
                self.stage = Stage::Unknown;
                Ok(())
            }
            Stage::Live => Err("unknown after it was accepted".to_owned()),
            Stage::Over(end) => Err(format!("unknown after its end ({end:?})")),
        }
    }

    fn fill(&mut self, line: &ExecutionLine) -> Result<(), String> {
        if line.replayed {
            // The listing counted it.
            return self.remember(line);
        }
        let joined = self.stage == Stage::Joined;
        let wrong_time = match self.stage {
            Stage::Silent => Some("a fill before the order was accepted".to_owned()),
            Stage::Unknown => Some("a fill while the outcome was unknown".to_owned()),
            Stage::Over(end) if !line.late => Some(format!("a fill after the end ({end:?}), not flagged late")),
            Stage::Joined | Stage::Live | Stage::Over(_) => None,
        };
        if joined {
            (self.stage, self.executed) = (Stage::Live, line.cumulative);
        } else {
            self.executed = self.executed.saturating_add(line.quantity);
        }
        self.remember(line)?;
        if let Some(wrong) = wrong_time {
            return Err(wrong);
        }
        if line.quantity.is_sign_negative() && !line.quantity.is_zero() {
            return Err(format!("a fill of {}", line.quantity));
        }
        self.agrees(line)
    }

    fn detail(&mut self, line: &ExecutionLine) -> Result<(), String> {
        self.remember(line)?;
        match self.stage {
            Stage::Silent | Stage::Unknown => Err("detail of a fill before the order was accepted".to_owned()),
            Stage::Joined | Stage::Live | Stage::Over(_) => Ok(()),
        }
    }

    fn end(&mut self, line: &ExecutionLine) -> Result<(), String> {
        if self.stage == Stage::Joined {
            self.executed = line.cumulative;
        }
        match std::mem::replace(&mut self.stage, Stage::Over(line.event)) {
            Stage::Joined | Stage::Live => self.agrees(line),
            Stage::Silent | Stage::Unknown => Err(format!("{:?} before it was accepted", line.event)),
            Stage::Over(end) => Err(format!("{:?} after its end ({end:?})", line.event)),
        }
    }

    /// The cumulative quantity is the sum of the fills; what is told next is measured against what was told.
    fn agrees(&mut self, line: &ExecutionLine) -> Result<(), String> {
        let summed = std::mem::replace(&mut self.executed, line.cumulative);
        match summed == line.cumulative {
            true => Ok(()),
            false => Err(format!("cumulative quantity {} where its fills make {summed}", line.cumulative)),
        }
    }

    /// An execution of the venue's is told once.
    fn remember(&mut self, line: &ExecutionLine) -> Result<(), String> {
        if line.execution_id.is_empty() {
            return Ok(());
        }
        if !self.executions.insert(line.execution_id.clone()) {
            return Err(format!("execution {} told twice", line.execution_id));
        }
        Ok(())
    }
}
