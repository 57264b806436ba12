//! The demo prints a table and a summary, and stops its processes however it ends.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use real::eventually;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Returns standard output and standard error.
fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Parses the port in `Envoy listens on 127.0.0.1:PORT, …`.
fn port_in(line: &str) -> u16 {
    let rest = line.split("127.0.0.1:").nth(1).unwrap_or_default();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no port in {line}"))
}

fn assert_gone(port: u16) {
    let refused = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err().then_some(());
    eventually("the demo's Envoy to be gone", refused);
}

#[test]
fn the_demo_ends_with_a_summary_and_three_records() {
    let output = demo(&["--seconds", "6"]).output().unwrap();
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stderr, "");
    assert!(stdout.contains("first try") && stdout.contains("Summary"), "{stdout}");
    for upstream in ["cart", "catalog", "geocoder", "payments", "search"] {
        assert!(
            stdout.contains(&format!("  {upstream}: ")),
            "{upstream} is missing in the summary:\n{stdout}"
        );
    }
    let records =
        stdout.lines().filter(|line| line.trim_start().starts_with(r#"{"schema":1,"type":"exchange""#));
    assert_eq!(records.count(), 3, "{stdout}");
    let saved = std::fs::read_to_string(artifact::root().join("target/demo.ndjson")).unwrap();
    assert!(stdout.contains("target/demo.ndjson") && saved.lines().count() > 3, "{stdout}");
    let summaries = saved
        .lines()
        .filter(|line| line.contains(r#""type":"summary""#) && !line.contains(r#""upstream":"none""#));
    let counted: u64 = summaries
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|summary| {
            summary["fates"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>()
        })
        .sum();
    assert!(
        stdout.contains(&format!("  {counted} requests: ")),
        "a report on the records shows the numbers of the summary: {counted} in\n{stdout}"
    );
    assert!(stdout.contains("`tight` means less than 25%"), "{stdout}");
    assert!(saved.lines().all(|line| line.starts_with(r#"{"schema":1,"type":""#)), "{saved}");
    assert_gone(port_in(&stdout));
}

#[test]
fn ctrl_c_stops_all_processes_of_the_demo() {
    let mut child = demo(&["--seconds", "600"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let port = port_in(&line);
    // SAFETY: the child has not been waited for, so the process id is still its own.
    unsafe { libc::kill(i32::try_from(child.id()).unwrap(), libc::SIGINT) };
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("Stopped"), "{rest}");
    assert_gone(port);
}

#[test]
fn a_port_in_use_is_reported_in_one_line() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_one_line(&demo(&["--port", &port]).output().unwrap(), &["is in use", &port]);
}

#[test]
fn a_missing_envoy_is_reported_in_one_line() {
    let output = demo(&[]).env("NEARMISS_ENVOY", "/nowhere/envoy").output().unwrap();
    assert_one_line(&output, &["/nowhere/envoy", "make"]);
}

#[test]
fn an_unknown_argument_is_reported_in_one_line() {
    assert_one_line(&demo(&["--fast"]).output().unwrap(), &["--fast", "--seconds"]);
}

fn assert_one_line(output: &Output, named: &[&str]) {
    let (stdout, stderr) = text(output);
    assert!(!output.status.success());
    assert_eq!((stdout.as_str(), stderr.lines().count()), ("", 1), "{stderr}");
    assert!(named.iter().all(|name| stderr.contains(name)), "{stderr}");
}
