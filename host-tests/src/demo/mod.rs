//! The demo: traffic that succeeds for its callers, and the near misses in it.

mod interrupt;
mod summary;
mod table;
mod traffic;
mod upstream_stats;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::artifact;
use crate::real::{EnvoyCommand, envoy_binary, wasm_filter_of};
use serde_json::Value;
use table::Table;
use traffic::Traffic;
use upstream_stats::UpstreamStats;

/// File with the records of the last demo.
const RECORDS: &str = "target/demo.ndjson";

/// Options of the demo.
#[derive(Clone, Debug)]
pub struct Settings {
    duration: Duration,
    port: u16,
}

impl Settings {
    /// Parses `--seconds N` and `--port N`.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self { duration: Duration::from_secs(20), port: 0 };
        while let Some(argument) = arguments.next() {
            let value = arguments.next();
            let number = value.as_ref().and_then(|text| text.parse::<u16>().ok());
            match (argument.as_str(), number) {
                ("--seconds", Some(seconds)) => settings.duration = Duration::from_secs(seconds.into()),
                ("--port", Some(port)) => settings.port = port,
                ("--seconds" | "--port", None) => return Err(format!("{argument} takes a number")),
                _ => return Err(format!("`{argument}` is unknown; it takes --seconds N and --port N")),
            }
        }
        Ok(settings)
    }
}

/// Runs the traffic, shows the live table, prints the summary, and cleans up.
pub fn run(settings: &Settings) -> Result<(), String> {
    let module = artifact::root().join("dist/nearmiss-envoy.wasm");
    if !module.is_file() {
        return Err("dist/nearmiss-envoy.wasm is missing; `make wasm` builds it".to_owned());
    }
    if !envoy_binary().is_file() {
        return Err(format!("{} is missing; `make envoy-bin` installs Envoy", envoy_binary().display()));
    }
    if settings.port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).is_err() {
        return Err(format!("port {} is in use; `--port 0` picks a free port", settings.port));
    }
    interrupt::install();
    let traffic = Traffic::prepare();
    let filter = wasm_filter_of(&module, r#"{"tight_margin":"25%","summary_every":"10s"}"#);
    let bootstrap = traffic.bootstrap().filter(filter).port(settings.port);
    let command = EnvoyCommand::new().workers(2);
    let envoy = command.try_run(&bootstrap).map_err(|log| format!("Envoy did not start:\n{log}"))?;
    println!(
        "Envoy listens on 127.0.0.1:{}, its counters are on http://127.0.0.1:{}/stats?filter=nearmiss\n",
        envoy.port, envoy.admin
    );
    let started = Instant::now();
    let load = traffic.start(envoy.port);
    let mut table = Table::new(std::io::stdout().is_terminal());
    let mut next = table.interval();
    while started.elapsed() < settings.duration && !interrupt::received() {
        thread::sleep(Duration::from_millis(50));
        if started.elapsed() >= next {
            table.show(&UpstreamStats::read(&envoy), started.elapsed());
            next += table.interval();
        }
    }
    load.stop();
    if interrupt::received() {
        println!("\nStopped Envoy and the origins.");
        return Ok(());
    }
    let records = envoy.records();
    summary::print(&UpstreamStats::read(&envoy), &records);
    save(&records)
}

/// Writes the records to a file for `nearmiss report`.
fn save(records: &[Value]) -> Result<(), String> {
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(artifact::root().join(RECORDS), lines).map_err(|error| format!("{RECORDS}: {error}"))?;
    println!(
        "\nAll records are in {RECORDS}. For an HTML report, run `make cli` and `dist/nearmiss report {RECORDS} -o demo.html`."
    );
    Ok(())
}
