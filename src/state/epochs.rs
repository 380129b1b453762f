//! The epochs of an account's sessions as a file: a line that says what it is, then one number a line, the latest last.

/// Sessions remembered. An order left open by an older one is reported as a stranger's.
pub const EPOCHS_KEPT: usize = 1_024;
const HEADER: &str = "exchange-connectors session epochs, version 1";

/// The text of the file.
pub(super) fn write(epochs: &[u64]) -> String {
    let mut text = format!("{HEADER}\n");
    for epoch in epochs.iter().skip(epochs.len().saturating_sub(EPOCHS_KEPT)) {
        use std::fmt::Write as _;
        let _ = writeln!(text, "{epoch}");
    }
    text
}

/// What the file says; why not, in words.
pub(super) fn read(text: &str) -> Result<Vec<u64>, String> {
    let body = text.strip_suffix('\n').ok_or("its last line is cut short")?;
    let mut lines = body.lines();
    if lines.next() != Some(HEADER) {
        return Err("it does not begin like a file of epochs".to_owned());
    }
    let mut epochs: Vec<u64> = Vec::new();
    for line in lines {
        let epoch = line.parse().map_err(|_| format!("`{}` is no epoch", line.escape_debug()))?;
        if epochs.last().is_some_and(|last| *last >= epoch) {
            return Err("its epochs do not grow".to_owned());
        }
        epochs.push(epoch);
    }
    match epochs.is_empty() {
        true => Err("it holds no epoch".to_owned()),
        false => Ok(epochs),
    }
}
