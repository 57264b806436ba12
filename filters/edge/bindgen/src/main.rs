//! Generates the JavaScript glue of the edge module, and the module in the form that the glue expects:
//! `edge-bindgen IN.wasm OUT_DIR`.
//!
//! This is wasm-bindgen's own library, pinned by the same lockfile as the crate, so generator and crate always match.

use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(out_dir), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: edge-bindgen IN.wasm OUT_DIR");
        return ExitCode::FAILURE;
    };
    match generate(&input, &out_dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edge-bindgen: {input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Generates the target `web`, whose `initSync` works in every runtime. The module is passed in, so it has no default path.
fn generate(input: &str, out_dir: &str) -> Result<(), Box<dyn core::error::Error>> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).web(true)?.typescript(true).omit_default_module_path(true);
    Ok(bindgen.generate(out_dir)?)
}
