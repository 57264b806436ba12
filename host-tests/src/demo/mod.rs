//! The demo: traffic that goes well for its callers, and what went on underneath.

mod interrupt;
mod story;
mod table;
mod traffic;
mod upstream;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::artifact;
use crate::real::{Start, envoy_binary, wasm_filter_of};
use serde_json::Value;
use table::Table;
use traffic::Traffic;
use upstream::Upstream;

/// Where the records of the last demo are.
const RECORDS: &str = "target/demo.ndjson";

/// How the demo runs.
#[derive(Clone, Debug)]
pub struct Settings {
    length: Duration,
    port: u16,
}

impl Settings {
    /// `--seconds N`, `--port N`.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self { length: Duration::from_secs(20), port: 0 };
        while let Some(argument) = arguments.next() {
            let value = arguments.next();
            let number = value.as_ref().and_then(|text| text.parse::<u16>().ok());
            match (argument.as_str(), number) {
                ("--seconds", Some(seconds)) => settings.length = Duration::from_secs(seconds.into()),
                ("--port", Some(port)) => settings.port = port,
                ("--seconds" | "--port", None) => return Err(format!("{argument} takes a number")),
                _ => return Err(format!("`{argument}` is unknown; it takes --seconds N and --port N")),
            }
        }
        Ok(settings)
    }
}

/// Starts everything, shows it, tells its story, and cleans up.
pub fn run(settings: &Settings) -> Result<(), String> {
    let module = artifact::root().join("dist/nearmiss-envoy.wasm");
    if !module.is_file() {
        return Err("dist/nearmiss-envoy.wasm is missing; `make wasm` builds it".to_owned());
    }
    if !envoy_binary().is_file() {
        return Err(format!("{} is missing; `make envoy-bin` installs Envoy", envoy_binary().display()));
    }
    if settings.port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).is_err() {
        return Err(format!("port {} is taken; `--port 0` takes any that is free", settings.port));
    }
    interrupt::listen();
    let traffic = Traffic::prepare();
    let filter = wasm_filter_of(&module, r#"{"tight_margin":"25%","summary_every":"10s"}"#);
    let site = traffic.site().filter(filter).port(settings.port);
    let start = Start::new().workers(2);
    let envoy = start.try_run(&site).map_err(|log| format!("Envoy did not start; it said:\n{log}"))?;
    println!(
        "Envoy listens on 127.0.0.1:{}, its counters are on http://127.0.0.1:{}/stats?filter=nearmiss\n",
        envoy.port, envoy.admin
    );
    let started = Instant::now();
    let sending = traffic.start(envoy.port);
    let mut table = Table::new(std::io::stdout().is_terminal());
    let mut due = table.pause();
    while started.elapsed() < settings.length && !interrupt::heard() {
        thread::sleep(Duration::from_millis(50));
        if started.elapsed() >= due {
            table.show(&Upstream::read(&envoy), started.elapsed());
            due += table.pause();
        }
    }
    sending.stop();
    if interrupt::heard() {
        println!("\nStopped; Envoy and the origins are gone.");
        return Ok(());
    }
    let records = envoy.records();
    story::tell(&Upstream::read(&envoy), &records);
    keep(&records)
}

/// Leaves the records for `nearmiss report`.
fn keep(records: &[Value]) -> Result<(), String> {
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(artifact::root().join(RECORDS), lines).map_err(|error| format!("{RECORDS}: {error}"))?;
    println!(
        "\nAll of them are in {RECORDS}; `make cli` and `dist/nearmiss report {RECORDS} -o demo.html` make a page of them."
    );
    Ok(())
}
