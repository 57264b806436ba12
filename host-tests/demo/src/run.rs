//! The demo: traffic that succeeds for its callers, and the near misses in it.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::table::Table;
use crate::traffic::Traffic;
use crate::upstream_stats::UpstreamStats;
use crate::{interrupt, summary};
use real::{Envoy, EnvoyCommand, envoy_binary, wasm_filter_of};
use serde_json::Value;

/// File with the records of the last demo.
const RECORDS: &str = "target/demo.ndjson";

/// Margin below which an exchange is tight here. The default of 10 % would show few of them in twenty seconds.
const TIGHT_MARGIN: &str = "25%";

/// Longest time to wait for the last summaries, which are due every ten seconds.
const LAST_SUMMARIES: Duration = Duration::from_secs(25);

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
    let config = format!(r#"{{"tight_margin":"{TIGHT_MARGIN}","summary_every":"10s"}}"#);
    let filter = wasm_filter_of(&module, &config);
    let bootstrap = traffic.bootstrap().filter(filter).port(settings.port);
    let command = EnvoyCommand::new().workers(2);
    let envoy = command.try_run(&bootstrap).map_err(|log| format!("Envoy did not start:\n{log}"))?;
    println!(
        "Envoy listens on 127.0.0.1:{}, its counters are on http://127.0.0.1:{}/stats?filter=nearmiss\n\
         `tight` means less than {TIGHT_MARGIN} of a limit left in this demo; the default is 10%.\n",
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
    let (upstreams, records) = totals(&envoy);
    summary::print(&upstreams, &records);
    save(&records)
}

/// Returns the counters and the records once the summaries among the records count the same exchanges: a report on the records then shows
/// the numbers of this summary.
fn totals(envoy: &Envoy) -> (Vec<UpstreamStats>, Vec<Value>) {
    println!("\nWaiting for the last summaries, at most ten seconds.");
    let started = Instant::now();
    loop {
        let (upstreams, records) = (UpstreamStats::read(envoy), envoy.records());
        let counted: u64 = upstreams.iter().map(UpstreamStats::exchanges).sum();
        if summarised(&records) == counted || started.elapsed() > LAST_SUMMARIES || interrupt::received() {
            return (upstreams, records);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Returns the number of exchanges that the summaries among the records count.
fn summarised(records: &[Value]) -> u64 {
    let summaries =
        records.iter().filter(|record| record["type"] == "summary" && record["upstream"] != "none");
    summaries
        .filter_map(|summary| summary["fates"].as_object())
        .flat_map(|fates| fates.values())
        .filter_map(Value::as_u64)
        .sum()
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
