//! `sim`: one ready line of JSON, shell lines that can be sourced whatever the directory is called, a secret only its
//! owner may read, a clean end by signal.

use crate::command_line::{program, run, Directory, Simulator};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn the_ready_line_and_the_shell_lines_say_the_same() {
    let simulator = Simulator::start_in("it's $(a) \"sim\"", &["--rate", "0"]);
    let ready = &simulator.ready;
    assert_eq!(ready["ready"], true);
    let keys: Vec<&String> = ready.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 7, "{ready}");
    let coinbase = ["rest", "ws", "ws_user"].map(|key| ready["coinbase"][key].as_str().unwrap());
    let binance_us = ["rest", "stream", "ws_api"].map(|key| ready["binance_us"][key].as_str().unwrap());
    let exchange = ready["coinbase"]["exchange_ws"].as_str().unwrap();
    assert!(exchange.starts_with("wss://localhost:"), "{exchange}");
    for [rest, one, other] in [coinbase, binance_us] {
        for (url, scheme) in [(rest, "https"), (one, "wss"), (other, "wss")] {
            let rest = url.strip_prefix(&format!("{scheme}://localhost:")).unwrap_or_else(|| panic!("{url}"));
            let port = rest.strip_suffix("/ws-api/v3").unwrap_or(rest);
            assert!(port.parse::<u16>().unwrap() > 0);
        }
    }
    let text = std::fs::read_to_string(simulator.credentials()).unwrap();
    for line in text.lines() {
        assert!(line.starts_with("export ") && line.contains("='") && line.ends_with('\''), "{line}");
    }
    for file in [simulator.credentials(), ready["view_only"].as_str().unwrap()] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let view_only = std::fs::read_to_string(ready["view_only"].as_str().unwrap()).unwrap();
    assert_ne!(view_only.lines().next(), text.lines().next(), "another key");
    assert_eq!(view_only.lines().nth(2), text.lines().nth(2), "of the same venue");
    let sourced = |name: &str| {
        let script = format!(r#". "$0" && printf %s "${name}""#);
        let output = Command::new("sh").args(["-c", &script, simulator.credentials()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(sourced("COINBASE_REST_URL"), ready["coinbase"]["rest"].as_str().unwrap());
    assert_eq!(sourced("COINBASE_WS_URL"), ready["coinbase"]["ws"].as_str().unwrap());
    assert_eq!(sourced("COINBASE_WS_USER_URL"), ready["coinbase"]["ws_user"].as_str().unwrap());
    assert_eq!(sourced("COINBASE_EXCHANGE_WS_URL"), ready["coinbase"]["exchange_ws"].as_str().unwrap());
    for secret in ["COINBASE_EXCHANGE_API_KEY", "COINBASE_EXCHANGE_API_SECRET", "COINBASE_EXCHANGE_API_PASSPHRASE"] {
        assert!(!sourced(secret).is_empty(), "{secret}");
    }
    for (name, key) in
        [("BINANCE_US_REST_URL", "rest"), ("BINANCE_US_STREAM_URL", "stream"), ("BINANCE_US_WS_API_URL", "ws_api")]
    {
        assert_eq!(sourced(name), ready["binance_us"][key].as_str().unwrap());
    }
    assert_eq!((sourced("BINANCE_US_API_KEY").len(), sourced("BINANCE_US_API_SECRET").len()), (64, 64));
    for (name, key) in [("OANDA_REST_URL", "rest"), ("OANDA_STREAM_URL", "stream")] {
        let url = ready["oanda"][key].as_str().unwrap();
        assert!(url.starts_with("https://localhost:"), "{url}");
        assert_eq!(sourced(name), url);
    }
    let oanda = ["OANDA_API_TOKEN", "OANDA_ACCOUNT_ID", "OANDA_ENVIRONMENT"].map(sourced);
    assert_eq!((oanda[0].len(), oanda[1].as_str(), oanda[2].as_str()), (65, "101-001-7654321-001", "practice"));
    assert_eq!(sourced("EXCHANGE_CONNECTORS_CA_FILE"), ready["ca_pem"].as_str().unwrap());
    assert!(sourced("COINBASE_API_KEY").starts_with("organizations/"));
    assert!(sourced("COINBASE_API_SECRET").starts_with("-----BEGIN EC PRIVATE KEY-----\\n"));
    let ended = simulator.end("INT");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "one line and no more");
}

#[test]
fn sigterm_ends_it_too() {
    assert_eq!(Simulator::start(&["--rate", "0"]).end("TERM").code, Some(0));
}

#[test]
fn a_taken_port_and_an_unusable_directory_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = Directory::new("taken");
    let ended = run(program().arg("sim").arg("--dir").arg(&directory.0).args(["--rest-port", &port]));
    assert!(ended.the_error().contains(&port), "{ended:?}");
    assert!(ended.stdout.is_empty(), "{ended:?}");

    let file = directory.0.join("file");
    std::fs::write(&file, "").unwrap();
    let ended = run(program().arg("sim").arg("--dir").arg(file.join("below")));
    assert!(ended.the_error().contains("below"), "{ended:?}");
}
