//! The built program run as a user runs it: a simulator of its own, its environment sourced by a shell, every run ended
//! by a deadline.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_exchange-connectors");
/// How long a run may take unless the test says otherwise. Far more than anything needs, for machines under load.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Variables the program reads; none of the tester's own may leak into a test.
const VARIABLES: [&str; 16] = [
    "BINANCE_US_API_KEY",
    "BINANCE_US_API_SECRET",
    "BINANCE_US_REST_URL",
    "BINANCE_US_STREAM_URL",
    "BINANCE_US_WS_API_URL",
    "COINBASE_API_KEY",
    "COINBASE_API_SECRET",
    "COINBASE_REST_URL",
    "COINBASE_WS_URL",
    "COINBASE_WS_USER_URL",
    "COINBASE_EXCHANGE_WS_URL",
    "COINBASE_EXCHANGE_API_KEY",
    "COINBASE_EXCHANGE_API_SECRET",
    "COINBASE_EXCHANGE_API_PASSPHRASE",
    "EXCHANGE_CONNECTORS_CA_FILE",
    "RUST_LOG",
];

/// How a run ended and what it printed.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Nothing a person should never see.
    #[track_caller]
    pub fn assert_no_panic(&self) {
        for text in [&self.stdout, &self.stderr] {
            assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{self:?}");
        }
    }

    /// The one line on standard error that says what went wrong.
    #[track_caller]
    pub fn the_error(&self) -> &str {
        self.assert_no_panic();
        let lines: Vec<&str> = self.stderr.lines().filter(|l| l.starts_with("exchange-connectors: ")).collect();
        assert_eq!(lines.len(), 1, "exactly one line says what is wrong: {self:?}");
        assert!(!matches!(self.code, Some(0) | None), "{self:?}");
        lines[0]
    }
}

/// The program with a clean environment.
pub fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    clean(&mut command);
    command
}

fn clean(command: &mut Command) {
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
}

/// Runs to the end, at most for [`PATIENCE`].
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child)
}

/// Waits for the end of a program started with pipes.
#[track_caller]
pub fn finish(mut child: Child) -> Ended {
    fn reader(from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = BufReader::new(from).read_to_end(&mut bytes);
            String::from_utf8(bytes).expect("output is UTF-8")
        })
    }
    let stdout = child.stdout.take().map(reader);
    let stderr = child.stderr.take().map(reader);
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the program did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |thread: Option<std::thread::JoinHandle<String>>| thread.map(|t| t.join().unwrap()).unwrap_or_default();
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Sends a signal, as Ctrl-C or a service manager does.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// A directory of this test, gone afterwards.
#[derive(Debug)]
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(name: &str) -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `exchange-connectors sim`, running.
pub struct Simulator {
    child: Child,
    /// The line it printed when it was ready.
    pub ready: serde_json::Value,
    stdout: Option<BufReader<ChildStdout>>,
    pub directory: Directory,
}

impl Simulator {
    /// Starts it and waits for its ready line.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Simulator {
        Self::start_in("it's a sim", arguments)
    }

    /// The same in a directory whose name begins like this.
    #[track_caller]
    pub fn start_in(name: &str, arguments: &[&str]) -> Simulator {
        let directory = Directory::new(name);
        let mut command = program();
        command.arg("sim").arg("--dir").arg(&directory.0).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|e| panic!("the ready line {line:?}: {e}"));
        Simulator { child, ready, stdout: Some(stdout), directory }
    }

    /// Where its shell lines are.
    pub fn credentials(&self) -> &str {
        self.ready["credentials"].as_str().unwrap()
    }

    /// The program run by a shell that sourced the simulator's lines first.
    pub fn client<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("sh");
        clean(&mut command);
        command.args(["-c", r#". "$0" && exec "$@""#, self.credentials(), PROGRAM]).args(arguments);
        command
    }

    /// The same with one more assignment after the simulator's lines; `None` unsets.
    pub fn client_with<S: AsRef<OsStr>>(
        &self,
        name: &str,
        value: Option<&str>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new("sh");
        clean(&mut command);
        let change = match value {
            Some(value) => format!("export {name}='{value}'"),
            None => format!("unset {name}"),
        };
        let script = format!(r#". "$0" && {change} && exec "$@""#);
        command.args(["-c", &script, self.credentials(), PROGRAM]).args(arguments);
        command
    }

    /// Ends it with a signal; gives what it still printed.
    #[track_caller]
    pub fn end(mut self, by: &str) -> Ended {
        signal(&self.child, by);
        let mut rest = String::new();
        self.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        Ended { code: status.code(), stdout: rest, stderr: String::new() }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a decimal is written in the one canonical way.
pub fn is_canonical(text: &str) -> bool {
    let Ok(value) = text.parse::<rust_decimal::Decimal>() else { return false };
    value.normalize().to_string() == text
}
