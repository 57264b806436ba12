//! The selection of rows to measure.

/// All rows, or the named ones: `envoy` names a whole section, `envoy/lua` one row.
#[derive(Clone, Debug, Default)]
pub struct Selection(Vec<String>);

impl Selection {
    /// Reads the names from a program's arguments; no name selects all rows.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Returns true if this row, or a row below it, is selected.
    pub fn wants(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| lies_in(name, wanted) || lies_in(wanted, name))
    }

    /// Returns the names as arguments of a program.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

fn lies_in(name: &str, section: &str) -> bool {
    name.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_names_its_rows_and_a_row_its_section() {
        let only = |name: &str| Selection::of([name.to_owned()]);
        assert!(only("envoy").wants("envoy/lua") && only("envoy/lua").wants("envoy"));
        assert!(
            !only("envoy/lua").wants("envoy/lua-too") && !only("core/observe/1").wants("core/observe/100")
        );
        assert!(Selection::default().wants("anything"));
    }
}
