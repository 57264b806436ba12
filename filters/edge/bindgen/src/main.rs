//! Writes the JavaScript glue of the edge module, and the module as the glue expects it: `edge-bindgen IN.wasm OUT_DIR`.
//!
//! wasm-bindgen has no prebuilt generator to lean on; this one is its own library, by the same lockfile as the crate, so the
//! two always understand each other.

use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("edge-bindgen: give the module that cargo built and the folder for what is made of it");
        return ExitCode::FAILURE;
    };
    match generate(&input, &folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edge-bindgen: {input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The target `web` with `initSync` is the one that runs everywhere; nothing is fetched, so there is no path to fetch from.
fn generate(input: &str, folder: &str) -> Result<(), Box<dyn core::error::Error>> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).web(true)?.typescript(true).omit_default_module_path(true);
    Ok(bindgen.generate(folder)?)
}
