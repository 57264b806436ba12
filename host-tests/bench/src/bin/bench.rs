//! Measures all rows into one table: `bench [ROW …]`, where a row may be a whole section. Progress goes to standard
//! error. The table goes to standard output and into `target/bench/table.md`, and its rows into the document that
//! `INTO` names.

use std::fs;
use std::process::ExitCode;

use bench::{PROGRAMS, ResultsTable, Row, Selection};

fn main() -> ExitCode {
    let selection = Selection::of(std::env::args().skip(1));
    let (mut table, mut failures) = (ResultsTable::default(), Vec::new());
    for program in PROGRAMS.iter().filter(|program| program.is_wanted(&selection)) {
        eprintln!("bench: {}", program.sections.join(", "));
        let result = program.run(&selection, |row| table.0.push(row));
        if let Err(failure) = result {
            let name = program.sections[0];
            table.0.push(Row::missing(name, "the rest of these rows", "its program failed"));
            failures.push(failure);
        }
    }
    if table.0.is_empty() {
        failures.push(format!("no row is called {}", selection.names().join(" ")));
    }
    keep(&table);
    print!("{table}");
    failures.iter().for_each(|failure| eprintln!("bench: {failure}"));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn keep(table: &ResultsTable) {
    let folder = artifact::root().join("target/bench");
    fs::create_dir_all(&folder).expect("target can be written");
    fs::write(folder.join("table.md"), table.to_string()).expect("target can be written");
    if let Some(document) = std::env::var_os("INTO").filter(|path| !path.is_empty()) {
        let text = fs::read_to_string(&document).unwrap_or_else(|error| panic!("INTO: {error}"));
        fs::write(&document, table.refresh(&text)).expect("the document can be written");
    }
}
