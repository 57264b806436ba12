//! The user's choices in the live view: pane, selection, filter, order, pause, and what is open on top of it.

use super::dashboard::{Dashboard, EpisodeRow, RecordRow, UpstreamRow};
use super::overlay::{self, Overlay};
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use core::cmp::Reverse;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::ListState;
use std::rc::Rc;

/// The panes of the screen, which scroll separately.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Pane {
    #[default]
    Upstreams,
    Episodes,
    Records,
}

/// The choices.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) pane: Pane,
    lists: [ListState; 3],
    /// Text that upstreams, fates or sentences must contain.
    pub(super) filter: String,
    /// True while the filter is typed.
    pub(super) is_editing: bool,
    /// Column by which upstreams are sorted; by near misses and failures together if `None`.
    pub(super) sort: Option<UpstreamColumn>,
    pub(super) overlay: Overlay,
    /// The state that is shown while the view is paused.
    pub(super) paused: Option<Rc<Dashboard>>,
}

impl View {
    /// Returns the scroll position and selection of a pane.
    pub(super) fn list(&mut self, pane: Pane) -> &mut ListState {
        let [upstreams, episodes, records] = &mut self.lists;
        match pane {
            Pane::Upstreams => upstreams,
            Pane::Episodes => episodes,
            Pane::Records => records,
        }
    }

    /// Returns the upstreams that pass the filter, in order.
    pub(super) fn upstreams<'a>(&self, dashboard: &'a Dashboard) -> Vec<&'a UpstreamRow> {
        let mut rows: Vec<_> = dashboard.upstreams.iter().filter(|row| self.passes(&[&row.name])).collect();
        match self.sort {
            None => rows.sort_by_key(|row| {
                (Reverse(row.counts.near_misses() + row.counts.failed()), row.name.as_str())
            }),
            Some(column) => rows.sort_by_key(|row| {
                let rank = column.cell(&UpstreamFigures::new(&row.counts, row.margin)).rank();
                (if column.is_worst_when_small() { rank } else { u64::MAX - rank }, row.name.as_str())
            }),
        }
        rows
    }

    /// Returns the episodes that pass the filter.
    pub(super) fn episodes<'a>(&self, dashboard: &'a Dashboard) -> Vec<&'a EpisodeRow> {
        let passes = |row: &&EpisodeRow| {
            self.passes(&[&row.record.upstream, &row.record.pattern, &row.record.explain])
        };
        dashboard.episodes.iter().filter(passes).collect()
    }

    /// Returns the records that pass the filter.
    pub(super) fn records<'a>(&self, dashboard: &'a Dashboard) -> Vec<&'a RecordRow> {
        let passes = |row: &&RecordRow| self.passes(&[&row.upstream, &row.fate, &row.explain]);
        dashboard.records.iter().filter(passes).collect()
    }

    fn passes(&self, texts: &[&str]) -> bool {
        let filter = self.filter.to_lowercase();
        filter.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&filter))
    }

    /// Handles a key; `page` is the number of lines that PgUp and PgDn move. Returns false to quit.
    pub(super) fn handle_key(&mut self, key: KeyEvent, page: u16, dashboard: &Dashboard) -> bool {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return false;
        }
        if !matches!(self.overlay, Overlay::None) {
            self.handle_overlay_key(key.code, page);
            return true;
        }
        if self.is_editing {
            self.edit_filter(key.code);
            return true;
        }
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Esc if self.filter.is_empty() => return false,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('?') => self.overlay = Overlay::Help,
            KeyCode::Char('/') => self.is_editing = true,
            KeyCode::Char('s') => self.sort = next_column(self.sort),
            KeyCode::Char('p' | ' ') => self.toggle_pause(dashboard),
            KeyCode::Enter => self.open_details(dashboard),
            KeyCode::Tab => self.next_pane(),
            _ => self.scroll(key.code, page),
        }
        true
    }

    /// Moves the selection of the current pane. The list clamps it when it is rendered.
    fn scroll(&mut self, key: KeyCode, page: u16) {
        let list = self.list(self.pane);
        match key {
            KeyCode::Up | KeyCode::Char('k') => list.select_previous(),
            KeyCode::Down | KeyCode::Char('j') if list.selected().is_none() => list.select_first(),
            KeyCode::Down | KeyCode::Char('j') => list.select_next(),
            KeyCode::PageUp => list.scroll_up_by(page),
            KeyCode::PageDown => list.scroll_down_by(page),
            KeyCode::Home => list.select_first(),
            KeyCode::End => list.select_last(),
            _ => {}
        }
    }

    fn next_pane(&mut self) {
        self.pane = match self.pane {
            Pane::Upstreams => Pane::Episodes,
            Pane::Episodes => Pane::Records,
            Pane::Records => Pane::Upstreams,
        };
    }

    fn edit_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char(c) => self.filter.push(c),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Esc => {
                self.filter.clear();
                self.is_editing = false;
            }
            KeyCode::Enter => self.is_editing = false,
            _ => {}
        }
    }

    /// Freezes the view as it is, or shows the present again.
    fn toggle_pause(&mut self, dashboard: &Dashboard) {
        self.paused = match self.paused {
            Some(_) => None,
            None => Some(Rc::new(dashboard.clone())),
        };
    }

    fn open_details(&mut self, dashboard: &Dashboard) {
        let selected = self.list(self.pane).selected().unwrap_or(0);
        let text = match self.pane {
            Pane::Upstreams => self.upstreams(dashboard).get(selected).map(|row| overlay::upstream(row)),
            Pane::Episodes => self.episodes(dashboard).get(selected).map(|row| row.text.clone()),
            Pane::Records => self.records(dashboard).get(selected).map(|row| row.text.clone()),
        };
        if let Some(text) = text {
            self.overlay = Overlay::Details { text, scroll: 0 };
        }
    }

    fn handle_overlay_key(&mut self, key: KeyCode, page: u16) {
        let Overlay::Details { text, scroll } = &mut self.overlay else {
            self.overlay = Overlay::None;
            return;
        };
        let last = u16::try_from(text.lines().count().saturating_sub(1)).unwrap_or(u16::MAX);
        *scroll = match key {
            KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1).min(last),
            KeyCode::PageUp => scroll.saturating_sub(page),
            KeyCode::PageDown => scroll.saturating_add(page).min(last),
            KeyCode::Home => 0,
            KeyCode::End => last,
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => {
                self.overlay = Overlay::None;
                return;
            }
            _ => *scroll,
        };
    }
}

/// Returns the column to sort by after `column`; `None` stands for the order at the start.
fn next_column(column: Option<UpstreamColumn>) -> Option<UpstreamColumn> {
    let Some(column) = column else { return UpstreamColumn::ALL.first().copied() };
    let index = UpstreamColumn::ALL.iter().position(|other| *other == column)?;
    UpstreamColumn::ALL.get(index + 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::follow::EventHandler;
    use nearmiss::Fate;

    fn press(view: &mut View, dashboard: &Dashboard, keys: &str) -> bool {
        keys.chars().all(|c| {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            };
            view.handle_key(KeyEvent::new(code, KeyModifiers::NONE), 5, dashboard)
        })
    }

    fn dashboard() -> Dashboard {
        let mut dashboard = Dashboard::default();
        for (upstream, fate, count) in
            [("cart", Fate::Clean, 9), ("search", Fate::Retried, 2), ("blog", Fate::Failed, 1)]
        {
            (0..count).for_each(|_| dashboard.on_judged(upstream, fate));
        }
        dashboard
    }

    fn names(view: &View, dashboard: &Dashboard) -> Vec<String> {
        view.upstreams(dashboard).iter().map(|row| row.name.clone()).collect()
    }

    #[test]
    fn the_filter_is_typed_and_escape_clears_it_before_it_quits() {
        let (mut view, dashboard) = (View::default(), dashboard());
        assert!(press(&mut view, &dashboard, "/SEAq\u{8}"), "`q` is a letter of the filter");
        view.filter = "sea".into();
        assert!(press(&mut view, &dashboard, "\n"));
        assert_eq!(names(&view, &dashboard), ["search"]);
        assert!(press(&mut view, &dashboard, "\u{1b}"), "the first Escape clears the filter");
        assert_eq!(names(&view, &dashboard).len(), 3);
        assert!(!press(&mut view, &dashboard, "\u{1b}"), "the second one quits");
    }

    #[test]
    fn s_sorts_by_every_column_and_then_as_at_the_start() {
        let (mut view, dashboard) = (View::default(), dashboard());
        assert_eq!(names(&view, &dashboard), ["search", "blog", "cart"]);
        press(&mut view, &dashboard, "s");
        assert_eq!(names(&view, &dashboard), ["cart", "search", "blog"], "most exchanges first");
        press(&mut view, &dashboard, "ss");
        assert_eq!(names(&view, &dashboard), ["blog", "cart", "search"], "smallest final success first");
        press(&mut view, &dashboard, &"s".repeat(UpstreamColumn::ALL.len() - 2));
        assert_eq!(view.sort, None);
    }

    #[test]
    fn a_paused_view_keeps_what_it_showed() {
        let (mut view, mut dashboard) = (View::default(), dashboard());
        press(&mut view, &dashboard, "p");
        dashboard.on_judged("late", Fate::Failed);
        let frozen = view.paused.as_ref().map(|paused| paused.upstreams.len());
        assert_eq!((frozen, dashboard.upstreams.len()), (Some(3), 4));
        press(&mut view, &dashboard, "p");
        assert!(view.paused.is_none());
    }

    #[test]
    fn enter_opens_the_selected_upstream_and_any_key_closes_the_help() {
        let (mut view, dashboard) = (View::default(), dashboard());
        press(&mut view, &dashboard, "jj\n");
        assert!(matches!(&view.overlay, Overlay::Details { text, .. } if text.contains("blog")), "{view:?}");
        press(&mut view, &dashboard, "q?");
        assert!(matches!(view.overlay, Overlay::Help));
        press(&mut view, &dashboard, "x");
        assert!(matches!(view.overlay, Overlay::None));
    }
}
