//! All rows in one Markdown table per section, aligned for terminals.

use std::fmt;

use super::{Measurement, Row};

/// Section titles, in the order of `docs/performance.md`.
const SECTIONS: [(&str, &str); 11] = [
    ("core", "The core"),
    ("growth", "How cost grows"),
    ("sizes", "The modules"),
    ("wasmtime", "In wasmtime"),
    ("envoy", "In Envoy"),
    ("instructions", "In Envoy, in instructions"),
    ("leader-election", "Leader election"),
    ("merge", "Merging"),
    ("fluent-bit", "In Fluent Bit"),
    ("lines", "Reading logs"),
    ("edge", "At the edge"),
];
const HEAD: [&str; 5] = ["metric", "measured", "ratio", "target", "command"];

/// Rows in the order of their measurement.
#[derive(Clone, Debug, Default)]
pub struct ResultsTable(pub Vec<Row>);

impl ResultsTable {
    /// Returns the document with the lines of measured rows replaced; other lines do not change.
    pub fn refresh(&self, document: &str) -> String {
        let lines = document.lines().map(|line| {
            let row = self.0.iter().map(cells).find(|cells| line.contains(&cells[4]));
            row.map_or_else(|| line.to_owned(), |cells| format!("| {} |", cells.join(" | ")))
        });
        lines.map(|line| line + "\n").collect()
    }
}

impl fmt::Display for ResultsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (section, title) in SECTIONS {
            let rows: Vec<_> = self.0.iter().filter(|row| row.section() == section).map(cells).collect();
            if !rows.is_empty() {
                writeln!(f, "## {title}\n")?;
                write_section(f, &rows)?;
            }
        }
        Ok(())
    }
}

fn cells(row: &Row) -> [String; 5] {
    let (measured, ratio) = match &row.measurement {
        Measurement::Missing(why) => (format!("not measured: {why}"), None),
        Measurement::Measured(figure) => {
            (format!("{} {}", figure.spread, figure.unit), figure.ratio.as_ref())
        }
    };
    let ratio = ratio.map(|ratio| format!("{} × {}", ratio.spread, ratio.peer));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let command = format!("`make bench ONLY={}`", row.name);
    [row.what.clone(), measured.trim_end().to_owned(), or_dash(ratio), or_dash(row.aim.clone()), command]
}

fn write_section(f: &mut fmt::Formatter<'_>, rows: &[[String; 5]]) -> fmt::Result {
    let head = HEAD.map(str::to_owned);
    let width = |column: usize| {
        let all = rows.iter().chain([&head]).map(|row| row[column].chars().count());
        all.max().unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    write_row(f, &head, &widths)?;
    write_row(f, &widths.map(|width| "-".repeat(width)), &widths)?;
    rows.iter().try_for_each(|row| write_row(f, row, &widths))?;
    writeln!(f)
}

fn write_row(f: &mut fmt::Formatter<'_>, row: &[String; 5], widths: &[usize; 5]) -> fmt::Result {
    for (cell, width) in row.iter().zip(widths) {
        write!(f, "| {cell:<width$} ")?;
    }
    writeln!(f, "|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spread;

    #[test]
    fn refreshing_a_document_replaces_only_measured_rows() {
        let table = ResultsTable(vec![Row::of("core/bytes", "an upstream", "bytes", Spread::exact(7.0))]);
        let document = "# A\n| old | 6 | – | – | `make bench ONLY=core/bytes` |\n| b | `make bench ONLY=core/bytes/2` |\n";
        assert_eq!(
            table.refresh(document),
            "# A\n| an upstream | 7 bytes | – | – | `make bench ONLY=core/bytes` |\n| b | `make bench ONLY=core/bytes/2` |\n"
        );
    }

    #[test]
    fn a_row_without_a_value_shows_the_reason() {
        let rows = [
            Row::of("envoy/lua", "Lua", "µs", Spread::exact(12.5))
                .with_ratio("no filter", Spread::exact(1.5)),
            Row::missing("core/instructions", "callgrind", "valgrind is not installed").aim("1 000"),
        ];
        let text = ResultsTable(rows.to_vec()).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "## The core", "sections have a fixed order");
        assert!(lines[4].contains("| not measured: valgrind is not installed | –"), "{text}");
        assert!(
            text.contains("| Lua    | 12.5 µs  | 1.50 × no filter | –      | `make bench ONLY=envoy/lua` |"),
            "{text}"
        );
    }
}
