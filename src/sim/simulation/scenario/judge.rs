//! What a scenario is judged by once it is calm: the venue's own figures.

use super::super::subjects::{Subject, Truth};
use super::super::told::Told;
use super::{mantissa, Scenario, REPLAY_MARGIN_MS};
use crate::record::ExecutionKind as K;
use crate::sim::MILLISECOND_NS;

impl<S: Subject> Scenario<S> {
    /// Compares what was told with the venue's own figures.
    pub(in super::super) fn judge(&mut self) -> Result<(), String> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        let open = self.engine.open_orders();
        let last = self.sessions.len().saturating_sub(1);
        for (number, session) in self.sessions.iter().enumerate() {
            for (_, id) in session.placed.iter().filter(|(_, id)| !id.is_empty()) {
                let truth = self.venue.truth(id);
                let executed = truth.map_or(0, |truth| mantissa(truth.executed, self.instrument.size_exponent));
                self.summary.arrived += u64::from(truth.is_some());
                if self.venue.received(id) > 1 {
                    return Err(format!("{id} arrived {} times", self.venue.received(id)));
                }
                let here = session.told.get(id).cloned().unwrap_or_default();
                self.summary.unknown += u64::from(here.unknown);
                let adopted = self.sessions.get(last).filter(|_| number < last).and_then(|s| s.told.get(id));
                self.summary.adopted += u64::from(adopted.is_some());
                match adopted {
                    Some(told) => self.judge_adopted(id, told, truth, executed)?,
                    None => judge_own(id, &here, truth, executed, number == last)?,
                }
                if truth.is_some_and(|truth| truth.open) {
                    return Err(format!("{id} is still open at the venue ({truth:?}), told {here:?} then {adopted:?}"));
                }
            }
        }
        self.judge_changes()?;
        self.judge_position()?;
        match open {
            0 => Ok(()),
            _ => Err(format!("{open} orders are open here and none at the venue")),
        }
    }

    /// Every change of the last session was answered, by its own record or the end of its order; and if each of an order's
    /// was answered by its own, the order has the terms that were told last.
    fn judge_changes(&mut self) -> Result<(), String> {
        let changes = self.sessions.iter().flat_map(|session| session.changes.values());
        self.summary.changed += changes.filter(|(_, answer)| answer.is_done()).count() as u64;
        let accepted =
            |session: &&super::Session, id: &&String| session.told.get(*id).is_some_and(|told| told.accepted);
        let made = self.sessions.iter().map(|session| session.made.iter().filter(|id| accepted(&session, id)).count());
        self.summary.changed += made.sum::<usize>() as u64;
        let Some(session) = self.sessions.last() else { return Ok(()) };
        let exponents = (self.instrument.price_exponent, self.instrument.size_exponent);
        let told_of = |id: &str| session.told.get(id).cloned().unwrap_or_default();
        if let Some((id, _)) =
            session.changes.values().find(|(id, change)| !change.is_answered() && told_of(id).end.is_none())
        {
            return Err(format!("{id} was to be changed, and nobody said whether it was"));
        }
        for (_, id) in session.placed.iter().filter(|(_, id)| !id.is_empty()) {
            let told = told_of(id);
            let all_answered = session.changes.values().all(|(of, change)| of != id || change.is_answered());
            let Some(truth) = self.venue.truth(id).filter(|_| all_answered && !told.risen) else { continue };
            let (price, quantity) = (mantissa(truth.price, exponents.0), mantissa(truth.quantity, exponents.1));
            if let Some(terms) = told.terms.filter(|terms| *terms != (price, quantity)) {
                return Err(format!("{id} was changed to {terms:?} as told {told:?}, the venue says {truth:?}"));
            }
        }
        Ok(())
    }

    /// The position that was told last is what the account holds.
    fn judge_position(&self) -> Result<(), String> {
        let held = mantissa(self.venue.held(), self.instrument.size_exponent);
        match self.sessions.last().and_then(|session| session.position) {
            Some(told) if told != held => Err(format!("{held} is held, and the position was told to be {told}")),
            Some(_) | None => Ok(()),
        }
    }

    fn judge_adopted(&self, id: &str, told: &Told, truth: Option<Truth>, executed: i64) -> Result<(), String> {
        let Some(listed) = told.listed else { return Err(format!("{id} of a dead session was not listed: {told:?}")) };
        if listed.saturating_add(told.filled) != executed {
            return Err(format!("{id}: {executed} executed, told {told:?}"));
        }
        if !told.end.is_some_and(|end| ends_as(truth, end)) {
            return Err(format!("{id} is over and that was not told: {told:?}, the venue says {truth:?}"));
        }
        let from = self.died_at.unwrap_or(0).saturating_sub(REPLAY_MARGIN_MS * MILLISECOND_NS);
        let since: i64 = self.fills.get(id).into_iter().flatten().filter(|f| f.at >= from).map(|f| f.quantity).sum();
        match told.replayed.saturating_add(told.filled) == since {
            true => Ok(()),
            false => Err(format!("{id}: {since} executed since the death, told {told:?}")),
        }
    }
}

/// An order that this session placed itself. Of one whose session died nobody may have been told the end.
fn judge_own(id: &str, told: &Told, truth: Option<Truth>, executed: i64, last: bool) -> Result<(), String> {
    if told.filled != executed {
        return Err(format!("{id}: {executed} executed, told {told:?}, the venue says {truth:?}"));
    }
    let due = last && (truth.is_some() || told.begun());
    let ended = match told.end {
        None => !due,
        // It was told to be dead, then to live; no second end is told.
        Some(K::Rejected) if told.risen => truth.is_some(),
        Some(end) => ends_as(truth, end),
    };
    match ended {
        true => Ok(()),
        false => Err(format!("{id} ended otherwise: told {told:?}, the venue says {truth:?}")),
    }
}

/// Whether an order that stands so at the venue may have been told to end so.
fn ends_as(truth: Option<Truth>, end: K) -> bool {
    match truth.map(|truth| truth.status) {
        None => end == K::Rejected,
        // One that was accepted first is never rejected.
        Some("FAILED" | "REJECTED") => matches!(end, K::Rejected | K::Cancelled),
        Some("FILLED") => end == K::Filled,
        Some(_) => matches!(end, K::Cancelled | K::Expired),
    }
}
