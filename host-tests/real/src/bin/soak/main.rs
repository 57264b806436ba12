//! Runs a real Envoy under load with faults: `soak [MINUTES]`, thirty by default.

mod run;

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let minutes = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(30.0);
    match run::run(Duration::from_secs_f64(minutes * 60.0)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::FAILURE
        }
    }
}
