//! Renders the dashboard: a title, three panes, a line of keys, and what is open on top.

use super::dashboard::{Dashboard, EpisodeRow, RecordRow, UpstreamRow};
use super::overlay;
use super::palette::Palette;
use super::view::{Pane, View};
use crate::display::columns::pad;
use crate::display::numbers::{GroupedCount, Percent, Seconds};
use crate::display::time::TimeOfDay;
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use crate::sanitize::sanitize;
use crate::warm_up;
use nearmiss::{Fate, Timestamp};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::List;
use unicode_width::UnicodeWidthStr;

/// Columns of the upstreams on a screen that is not wide; the title has the others.
const NARROW: [UpstreamColumn; 6] = [
    UpstreamColumn::Exchanges,
    UpstreamColumn::FirstTry,
    UpstreamColumn::Final,
    UpstreamColumn::NearMisses,
    UpstreamColumn::Failed,
    UpstreamColumn::Margin,
];
/// Width from which all columns are shown.
const WIDE: u16 = 140;
/// Maximum length of a sentence in characters.
const MAX_SENTENCE: usize = 400;

/// Renders the screen.
pub(super) fn render(
    frame: &mut Frame<'_>,
    dashboard: &Dashboard,
    view: &mut View,
    files: &str,
    palette: &Palette,
) {
    let area = frame.area();
    let (upstreams, episodes, records) =
        (view.upstreams(dashboard), view.episodes(dashboard), view.records(dashboard));
    let name = upstreams.iter().map(|row| sanitize(&row.name, 40).width()).max().unwrap_or(8).clamp(8, 28);
    // The title and the keys, then a heading for each pane.
    let room = area.height.saturating_sub(2);
    let lines = |count: usize| u16::try_from(count.max(1) + 1).unwrap_or(u16::MAX);
    let upstreams_height = lines(upstreams.len()).min((room / 2).max(2)).min(room);
    let episodes_height = lines(episodes.len()).min((room / 4).max(2)).min(room - upstreams_height);
    let records_height = room - upstreams_height - episodes_height;
    let mut top = 0;
    let mut rows = |height: u16| {
        let rows = Rect { y: area.y + top, height, ..area };
        top += height;
        rows
    };
    let title_area = rows(1.min(area.height));
    frame.render_widget(title(dashboard, view, files, palette), title_area);
    let columns = if area.width >= WIDE { &UpstreamColumn::ALL[..] } else { &NARROW };
    let panes = [
        (
            Pane::Upstreams,
            upstreams_height,
            upstreams_heading(view, columns, name),
            upstreams.iter().map(|row| upstream(row, dashboard, columns, name, palette)).collect::<Vec<_>>(),
        ),
        (
            Pane::Episodes,
            episodes_height,
            format!("EPISODES ({}){}", episodes.len(), no_episodes(dashboard)),
            episodes.iter().map(|row| episode(row, dashboard, palette)).collect(),
        ),
        (
            Pane::Records,
            records_height,
            format!("LAST RECORDS ({})", records.len()),
            records.iter().map(|row| record(row, name, palette)).collect(),
        ),
    ];
    for (pane, height, heading, lines) in panes {
        let area = rows(height);
        let style = if view.pane == pane { palette.bold } else { palette.dim };
        render_pane(frame, area, Line::styled(heading, style), lines, view, pane, palette);
    }
    let keys_area = rows(1.min(area.height.saturating_sub(1)));
    frame.render_widget(keys(view, palette), keys_area);
    overlay::render(frame, &view.overlay);
}

fn render_pane(
    frame: &mut Frame<'_>,
    area: Rect,
    heading: Line<'_>,
    lines: Vec<Line<'_>>,
    view: &mut View,
    pane: Pane,
    palette: &Palette,
) {
    if area.height == 0 {
        return;
    }
    frame.render_widget(heading, Rect { height: 1, ..area });
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let highlight = if view.pane == pane { palette.selected } else { palette.plain };
    if body.height > 0 {
        frame.render_stateful_widget(List::new(lines).highlight_style(highlight), body, view.list(pane));
    }
}

fn title(dashboard: &Dashboard, view: &View, files: &str, palette: &Palette) -> Line<'static> {
    let total = dashboard.total();
    let mut line = Line::styled(format!("nearmiss · {}", sanitize(files, 60)), palette.bold);
    if view.paused.is_some() {
        line.push_span(Span::styled("  PAUSED", palette.alarm));
    }
    if total.exchanges() == 0 {
        line.push_span(Span::styled("  waiting for the first exchange", palette.dim));
    } else {
        line.push_span(Span::styled(
            format!(
                "  {} UTC  final {}  first try {}  {} exchanges  {} rejected  {} abandoned",
                TimeOfDay(dashboard.now.micros() / 1_000),
                Percent(total.final_success()),
                Percent(total.first_try_success()),
                GroupedCount(total.exchanges()),
                GroupedCount(total.of(Fate::Rejected)),
                GroupedCount(total.of(Fate::Abandoned))
            ),
            palette.plain,
        ));
    }
    if dashboard.unreadable > 0 {
        line.push_span(Span::styled(
            format!("  {} unreadable", GroupedCount(dashboard.unreadable)),
            palette.alarm,
        ));
    }
    line
}

/// Renders the keys, or the filter that is being typed.
fn keys(view: &View, palette: &Palette) -> Line<'static> {
    let filter = sanitize(&view.filter, 60);
    if view.is_editing {
        return Line::styled(format!("/{filter}▏  Enter applies  Esc clears"), palette.bold);
    }
    let mut line =
        Line::styled("q quit  ? help  / filter  s sort  p pause  Enter details  Tab next pane", palette.dim);
    if !filter.is_empty() {
        line.push_span(Span::styled(format!("  filter: {filter}"), palette.bold));
    }
    line
}

fn upstreams_heading(view: &View, columns: &[UpstreamColumn], name: usize) -> String {
    let mut heading = pad("UPSTREAM", name);
    for column in columns {
        let marker = if view.sort == Some(*column) { "▾" } else { "" };
        heading.push_str(&format!(
            " {:>width$}",
            format!("{marker}{}", column.title()),
            width = column.width()
        ));
    }
    heading + "  near misses and failures by 10 s"
}

fn upstream(
    row: &UpstreamRow,
    dashboard: &Dashboard,
    columns: &[UpstreamColumn],
    name: usize,
    palette: &Palette,
) -> Line<'static> {
    let figures = UpstreamFigures::new(&row.counts, row.margin);
    let mut line = Line::styled(pad(&sanitize(&row.name, 40), name), palette.plain);
    for column in columns {
        let text = column.cell(&figures).to_string();
        let padding = " ".repeat((column.width() + 1).saturating_sub(text.width()));
        line.push_span(Span::styled(padding + &text, palette.tone(column.tone(&figures))));
    }
    line.push_span(Span::styled(
        format!("  {}", sparkline(&row.history(dashboard.now, 40))),
        palette.warning,
    ));
    line
}

/// Draws counts as bars in eight heights, scaled to the largest.
fn sparkline(counts: &[u64]) -> String {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| HEIGHTS.get((count * 8).div_ceil(max) as usize).copied().unwrap_or('█');
    counts.iter().map(height).collect()
}

/// Returns why there is no episode yet.
fn no_episodes(dashboard: &Dashboard) -> String {
    let too_short = dashboard.span().and_then(warm_up::too_short);
    too_short.filter(|_| dashboard.episodes.is_empty()).map_or(String::new(), |text| format!("  {text}"))
}

fn episode(row: &EpisodeRow, dashboard: &Dashboard, palette: &Palette) -> Line<'static> {
    let episode = &row.record;
    let escalated = episode.outcome.as_deref() == Some("escalated");
    let (style, word) = match (row.is_open(), escalated) {
        (true, _) => (palette.warning, "open"),
        (false, true) => (palette.alarm, "outage"),
        (false, false) => (palette.dim, "over"),
    };
    let name = format!("{} {} ", sanitize(&episode.upstream, 40), sanitize(&episode.pattern, 20));
    let text = if row.is_open() {
        ongoing(row, dashboard.now)
    } else {
        let end = episode.end.map_or(String::new(), |end| format!(" to {}", TimeOfDay(end.0)));
        let explain = sanitize(&episode.explain, MAX_SENTENCE);
        format!("{}{end}: {explain}", TimeOfDay(episode.start.0))
    };
    Line::from(vec![
        Span::styled(format!("{word:<6} "), style),
        Span::styled(name, palette.bold),
        Span::styled(text, palette.plain),
    ])
}

/// Describes an open episode: its counts up to now, and the sentence of its record.
fn ongoing(row: &EpisodeRow, now: Timestamp) -> String {
    let episode = &row.record;
    let seconds = (now.micros() / 1_000).saturating_sub(episode.start.0) / 1_000;
    let (exchanges, near_misses, failed) = row.totals();
    let es = if near_misses == 1 { "" } else { "es" };
    let harm = match (near_misses, failed) {
        (0, 0) => String::new(),
        (_, 0) => format!("{} near miss{es} of ", GroupedCount(near_misses)),
        (0, _) => format!("{} failed of ", GroupedCount(failed)),
        _ => format!("{} near miss{es} and {} failed of ", GroupedCount(near_misses), GroupedCount(failed)),
    };
    format!(
        "since {}, {}: {harm}{} exchanges; at first {}",
        TimeOfDay(episode.start.0),
        Seconds(seconds),
        GroupedCount(exchanges),
        sanitize(&episode.explain, MAX_SENTENCE)
    )
}

fn record(row: &RecordRow, name: usize, palette: &Palette) -> Line<'static> {
    let style = if row.fate == Fate::Failed.name() { palette.alarm } else { palette.warning };
    Line::from(vec![
        Span::styled(format!("{:<8} ", TimeOfDay(row.time).to_string()), palette.dim),
        Span::styled(format!("{} ", pad(&sanitize(&row.upstream, 40), name)), palette.plain),
        Span::styled(format!("{:<14} ", sanitize(&row.fate, 14)), style),
        Span::styled(sanitize(&row.explain, MAX_SENTENCE), palette.plain),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records;
    use crate::watch::follow::EventHandler;
    use crate::watch::overlay::Overlay;
    use nearmiss::{Exchange, Verdict};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// Renders a screen and returns its lines.
    fn screen(dashboard: &Dashboard, view: &mut View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| render(frame, dashboard, view, "/var/log/\u{1b}x.log", &Palette::new(false)))
            .unwrap();
        let buffer = terminal.backend().buffer().clone();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    fn dashboard() -> Dashboard {
        let mut dashboard = Dashboard::default();
        for number in 0..30 {
            dashboard.on_judged(
                &format!("upstream-{number:02}"),
                if number == 7 { Fate::Retried } else { Fate::Clean },
            );
            let json = format!(
                r#"{{"schema":1,"type":"exchange","time":"2026-11-23T08:00:{number:02}.000Z","upstream":"你好\u001b[2J{number}","fate":"retried","duration_ms":1,"explain":"\u001b]0;x"}}"#
            );
            dashboard.add_record(records::parse(json.as_bytes()).unwrap(), String::new());
        }
        dashboard
    }

    #[test]
    fn every_size_is_drawn_without_control_characters() {
        let dashboard = dashboard();
        for (width, height) in [(1, 1), (10, 3), (20, 4), (40, 8), (80, 24), (300, 90)] {
            for overlay in [
                Overlay::None,
                Overlay::Help,
                Overlay::Details { text: "{\n  \"a\": 1\n}\n".into(), scroll: 0 },
            ] {
                let mut view = View::default();
                view.overlay = overlay;
                let lines = screen(&dashboard, &mut view, width, height);
                assert!(!lines.concat().contains(|c: char| c.is_control()), "{lines:?}");
                if height > 1 && matches!(view.overlay, Overlay::None) {
                    assert!(lines[0].starts_with("nearmiss"[..8.min(width.into())].trim()), "{lines:?}");
                    assert!(lines.last().unwrap().starts_with('q'), "{width}x{height}: {lines:?}");
                }
            }
        }
    }

    #[test]
    fn the_help_is_aligned() {
        let mut view = View::default();
        view.overlay = Overlay::Help;
        let lines = screen(&Dashboard::default(), &mut view, 100, 30);
        let column = |word: &str| lines.iter().find_map(|line| line.find(word)).unwrap();
        assert_eq!(column("quit"), column("next pane"));
        assert_eq!(column("success rate that"), column("smallest room"));
    }

    #[test]
    fn an_open_episode_shows_its_counts_up_to_now_and_its_sentence() {
        let mut dashboard = Dashboard::default();
        let json = r#"{"schema":1,"type":"episode","phase":"open","id":"cart-1","upstream":"cart","pattern":"burst","start":"2026-11-23T08:00:00.000Z","exchanges":333,"near_misses":0,"failed":0,"explain":"0 of 333 exchanges were near misses: all responses were slower; look at cart."}"#;
        dashboard.add_record(records::parse(json.as_bytes()).unwrap(), String::new());
        let line = |dashboard: &Dashboard| {
            let lines = screen(dashboard, &mut View::default(), 200, 24);
            lines.into_iter().find(|line| line.starts_with("open")).unwrap().trim_end().to_owned()
        };
        let ending = "exchanges; at first 0 of 333 exchanges were near misses: all responses were slower; look at cart.";
        assert!(line(&dashboard).ends_with(&format!(": 333 {ending}")), "{}", line(&dashboard));
        let ts = Timestamp::from_seconds(1_795_420_840);
        for (fate, expected) in [
            (Fate::Retried, ", 40 s: 1 near miss of 334 "),
            (Fate::Failed, ", 40 s: 1 near miss and 1 failed of 335 "),
        ] {
            let exchange = Exchange { upstream: "cart", status: 200, ts, ..Exchange::default() };
            dashboard.on_exchange(&exchange, &Verdict { fate, ..Verdict::default() });
            let line = line(&dashboard).replace('\u{202f}', " ");
            assert!(line.contains(&format!("{expected}{ending}")), "{line}");
        }
    }

    #[test]
    fn the_upstream_with_near_misses_is_on_top_and_the_last_one_can_be_reached() {
        let (dashboard, mut view) = (dashboard(), View::default());
        assert!(screen(&dashboard, &mut view, 80, 24)[2].starts_with("upstream-07"));
        view.list(Pane::Upstreams).select_last();
        let lines = screen(&dashboard, &mut view, 80, 24);
        assert!(lines.iter().any(|line| line.starts_with("upstream-29")), "{lines:?}");
    }
}
