//! The demo tells its story, and cleans up after itself whatever ends it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use host_tests::real::eventually;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The port in `Envoy listens on 127.0.0.1:PORT, …`.
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
fn it_ends_with_the_story_and_three_records() {
    let output = demo(&["--seconds", "6"]).output().unwrap();
    let (told, complained) = text(&output);
    assert!(output.status.success(), "{told}{complained}");
    assert_eq!(complained, "");
    assert!(told.contains("first try") && told.contains("The story"), "{told}");
    for upstream in ["cart", "catalog", "geocoder", "payments", "search"] {
        assert!(told.contains(&format!("  {upstream}: ")), "{upstream} has no part in the story:\n{told}");
    }
    let records =
        told.lines().filter(|line| line.trim_start().starts_with(r#"{"schema":1,"type":"exchange""#));
    assert_eq!(records.count(), 3, "{told}");
    let kept = std::fs::read_to_string(host_tests::artifact::root().join("target/demo.ndjson")).unwrap();
    assert!(told.contains("target/demo.ndjson") && kept.lines().count() > 3, "{told}");
    assert!(kept.lines().all(|line| line.starts_with(r#"{"schema":1,"type":""#)), "{kept}");
    assert_gone(port_in(&told));
}

#[test]
fn on_ctrl_c_it_leaves_nothing_behind() {
    let mut child = demo(&["--seconds", "600"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let port = port_in(&line);
    // SAFETY: a signal to a child that was not waited for yet.
    unsafe { libc::kill(i32::try_from(child.id()).unwrap(), libc::SIGINT) };
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("Stopped"), "{rest}");
    assert_gone(port);
}

#[test]
fn a_taken_port_gives_one_sentence() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    one_sentence(&demo(&["--port", &port]).output().unwrap(), &["is taken", &port]);
}

#[test]
fn a_missing_envoy_gives_one_sentence() {
    let output = demo(&[]).env("NEARMISS_ENVOY", "/nowhere/envoy").output().unwrap();
    one_sentence(&output, &["/nowhere/envoy", "make"]);
}

#[test]
fn an_argument_it_does_not_know_gives_one_sentence() {
    one_sentence(&demo(&["--fast"]).output().unwrap(), &["--fast", "--seconds"]);
}

fn one_sentence(output: &Output, named: &[&str]) {
    let (told, complained) = text(output);
    assert!(!output.status.success());
    assert_eq!((told.as_str(), complained.lines().count()), ("", 1), "{complained}");
    assert!(named.iter().all(|name| complained.contains(name)), "{complained}");
}
