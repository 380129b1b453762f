//! Doubly linked lists threaded through a table of slots: order of entry kept, removal anywhere in constant time.
//!
//! Owns heads, tails and counts; the links live in the slots. A slot is in at most one list.

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// The links of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub before: u32,
    pub after: u32,
}

impl Link {
    pub const NONE: Link = Link { before: NIL, after: NIL };
}

/// A slot that can be listed.
pub(super) trait Linked {
    fn link(&mut self) -> &mut Link;
}

/// One list.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub first: u32,
    last: u32,
    pub len: usize,
}

impl List {
    pub const EMPTY: List = List { first: NIL, last: NIL, len: 0 };

    /// Appends a slot that is in no list.
    pub fn push(&mut self, slots: &mut [impl Linked], at: u32) {
        if let Some(slot) = slots.get_mut(at as usize) {
            *slot.link() = Link { before: self.last, after: NIL };
        }
        match slots.get_mut(self.last as usize) {
            Some(last) => last.link().after = at,
            None => self.first = at,
        }
        self.last = at;
        self.len = self.len.saturating_add(1);
    }

    /// Removes a slot that is in this list.
    pub fn remove(&mut self, slots: &mut [impl Linked], at: u32) {
        let Some(slot) = slots.get_mut(at as usize) else { return };
        let Link { before, after } = std::mem::replace(slot.link(), Link::NONE);
        match slots.get_mut(before as usize) {
            Some(slot) => slot.link().after = after,
            None => self.first = after,
        }
        match slots.get_mut(after as usize) {
            Some(slot) => slot.link().before = before,
            None => self.last = before,
        }
        self.len = self.len.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone)]
    struct Plain(Link);
    impl Linked for Plain {
        fn link(&mut self) -> &mut Link {
            &mut self.0
        }
    }

    proptest! {
        #[test]
        fn a_list_keeps_its_order_through_any_removals(ops in proptest::collection::vec(0u32..12, 0..200)) {
            let (mut slots, mut list, mut model) = (vec![Plain(Link::NONE); 12], List::EMPTY, Vec::new());
            for at in ops {
                if let Some(i) = model.iter().position(|m| *m == at) {
                    model.remove(i);
                    list.remove(&mut slots, at);
                } else {
                    model.push(at);
                    list.push(&mut slots, at);
                }
                let (mut walked, mut next) = (Vec::new(), list.first);
                while next != NIL {
                    walked.push(next);
                    next = slots.get(next as usize).unwrap().0.after;
                }
                prop_assert_eq!(&walked, &model);
                prop_assert_eq!(list.len, model.len());
            }
        }
    }
}
