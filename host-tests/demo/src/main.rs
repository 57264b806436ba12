//! `make demo`: about twenty seconds of mixed traffic through a real Envoy, with the near misses in it.

mod interrupt;
mod run;
mod summary;
mod table;
mod traffic;
mod upstream_stats;

use std::process::ExitCode;

use run::Settings;

fn main() -> ExitCode {
    // Every failure prints one sentence. Unwinding stops Envoy.
    std::panic::set_hook(Box::new(|info| eprintln!("demo: {}", info.payload_as_str().unwrap_or("stopped"))));
    let settings = match Settings::from_arguments(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("demo: {problem}");
            return ExitCode::from(2);
        }
    };
    match std::panic::catch_unwind(|| run::run(&settings)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(problem)) => {
            eprintln!("demo: {problem}");
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}
