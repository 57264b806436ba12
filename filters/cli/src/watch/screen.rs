//! Renders the dashboard as styled lines, independent of any terminal.

use super::dashboard::{Dashboard, RecordRow, UpstreamRow};
use super::scroll::{Pane, Scroll};
use super::styled_line::{Style, StyledLine};
use crate::display::columns::pad;
use crate::display::numbers::{GroupedCount, Percent};
use crate::display::time::{DateTime, TimeOfDay};
use crate::records::EpisodeRecord;
use crate::sanitize::sanitize;
use nearmiss::Fate;
use unicode_width::UnicodeWidthStr;

/// Renders the screen: at most `height` lines of at most `width` columns.
pub(super) fn render(
    dashboard: &Dashboard,
    file: &str,
    scroll: &mut Scroll,
    width: usize,
    height: usize,
) -> Vec<StyledLine> {
    let mut lines = vec![title_line(dashboard, file, width)];
    // The title, the footer, and a heading for each pane.
    let room = height.saturating_sub(5);
    let upstreams = dashboard.upstreams.len().clamp(1, (room / 2).max(1));
    let episodes = dashboard.episodes.len().clamp(1, (room / 4).max(1));
    let records = room.saturating_sub(upstreams + episodes);
    let name =
        dashboard.upstreams.iter().map(|row| sanitize(&row.name, 40).width()).max().unwrap_or(8).clamp(8, 28);
    let heading = |pane: Pane, text: String| {
        let mut line = StyledLine::default();
        line.add(if scroll.pane == pane { Style::Bold } else { Style::Dim }, &text, width);
        line
    };
    let head = format!(
        "{} {:>11} {:>9} {:>9} {:>11} {:>8} {:>8}  near misses and failures by 10 s",
        pad("UPSTREAM", name),
        "exchanges",
        "first try",
        "callers",
        "near misses",
        "failed",
        "margin"
    );
    let headings = [
        heading(Pane::Upstreams, head),
        heading(Pane::Episodes, format!("EPISODES ({})", dashboard.episodes.len())),
        heading(Pane::Records, format!("LAST RECORDS ({})", dashboard.records.len())),
    ];
    let [upstreams_head, episodes_head, records_head] = headings;
    let ranked = dashboard.ranked();
    let offset = scroll.clamp(Pane::Upstreams, ranked.len(), upstreams);
    lines.push(upstreams_head);
    lines.extend(pad_lines(
        ranked.iter().skip(offset).map(|row| upstream(row, dashboard, name, width)),
        upstreams,
    ));
    let offset = scroll.clamp(Pane::Episodes, dashboard.episodes.len(), episodes);
    lines.push(episodes_head);
    lines.extend(pad_lines(dashboard.episodes.iter().skip(offset).map(|row| episode(row, width)), episodes));
    let offset = scroll.clamp(Pane::Records, dashboard.records.len(), records);
    lines.push(records_head);
    lines.extend(pad_lines(
        dashboard.records.iter().skip(offset).map(|row| record(row, name, width)),
        records,
    ));
    lines.truncate(height.saturating_sub(1));
    let mut footer = StyledLine::default();
    footer.add(Style::Dim, "q quit   ↑ ↓ PgUp PgDn Home End scroll   Tab next pane", width);
    lines.push(footer);
    lines
}

/// Returns the first `height` of `lines`, padded with empty ones.
fn pad_lines(lines: impl Iterator<Item = StyledLine>, height: usize) -> impl Iterator<Item = StyledLine> {
    lines.chain(core::iter::repeat_with(StyledLine::default)).take(height)
}

fn title_line(dashboard: &Dashboard, file: &str, width: usize) -> StyledLine {
    let total = dashboard.total();
    let mut line = StyledLine::default();
    line.add(Style::Bold, &format!("nearmiss · {}", sanitize(file, 60)), width);
    if total.exchanges() == 0 {
        line.add(Style::Dim, "  waiting for the first exchange", width);
    } else {
        line.add(
            Style::Plain,
            &format!(
                "  {} UTC  callers {}  first try {}  {} exchanges  {} rejected  {} abandoned",
                DateTime(dashboard.now.micros() / 1_000),
                Percent(total.final_success()),
                Percent(total.first_try_success()),
                GroupedCount(total.exchanges()),
                GroupedCount(total.of(Fate::Rejected)),
                GroupedCount(total.of(Fate::Abandoned))
            ),
            width,
        );
    }
    if dashboard.unreadable > 0 {
        line.add(Style::Alarm, &format!("  {} unreadable", GroupedCount(dashboard.unreadable)), width);
    }
    line
}

fn upstream(row: &UpstreamRow, dashboard: &Dashboard, name: usize, width: usize) -> StyledLine {
    let (counts, mut line) = (&row.counts, StyledLine::default());
    line.add(Style::Plain, &pad(&sanitize(&row.name, 40), name), width);
    line.add(
        Style::Plain,
        &format!(
            " {:>11} {:>9} {:>9}",
            GroupedCount(counts.exchanges()),
            Percent(counts.first_try_success()),
            Percent(counts.final_success())
        ),
        width,
    );
    let style = |count: u64, style: Style| if count > 0 { style } else { Style::Plain };
    line.add(
        style(counts.near_misses(), Style::Warning),
        &format!(" {:>11}", GroupedCount(counts.near_misses())),
        width,
    );
    line.add(style(counts.failed(), Style::Alarm), &format!(" {:>8}", GroupedCount(counts.failed())), width);
    line.add(Style::Plain, &format!(" {:>8}  ", Percent(row.margin.map(u64::from))), width);
    let history = row.history(dashboard.now, width.saturating_sub(line.width).min(40));
    let spark = sparkline(&history);
    line.add(Style::Warning, &spark, width);
    line
}

/// Draws counts as bars in eight heights, scaled to the largest.
fn sparkline(counts: &[u64]) -> String {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| HEIGHTS.get((count * 8).div_ceil(max) as usize).copied().unwrap_or('█');
    counts.iter().map(height).collect()
}

fn episode(episode: &EpisodeRecord, width: usize) -> StyledLine {
    let mut line = StyledLine::default();
    let open = episode.phase != "close";
    let escalated = episode.outcome.as_deref() == Some("escalated");
    let (style, word) = match (open, escalated) {
        (true, _) => (Style::Warning, "open"),
        (false, true) => (Style::Alarm, "outage"),
        (false, false) => (Style::Dim, "over"),
    };
    line.add(style, &format!("{word:<6} "), width);
    line.add(
        Style::Bold,
        &format!("{} {} ", sanitize(&episode.upstream, 40), sanitize(&episode.pattern, 20)),
        width,
    );
    let end = episode.end.map_or(String::new(), |end| format!(" to {}", TimeOfDay(end.0)));
    line.add(
        Style::Plain,
        &format!("since {}{end}: {}", TimeOfDay(episode.start.0), sanitize(&episode.explain, 400)),
        width,
    );
    line
}

fn record(row: &RecordRow, name: usize, width: usize) -> StyledLine {
    let mut line = StyledLine::default();
    line.add(Style::Dim, &format!("{:<8} ", TimeOfDay(row.time).to_string()), width);
    line.add(Style::Plain, &format!("{} ", pad(&sanitize(&row.upstream, 40), name)), width);
    let style = if row.fate == "failed" { Style::Alarm } else { Style::Warning };
    line.add(style, &format!("{:<14} ", sanitize(&row.fate, 14)), width);
    line.add(Style::Plain, &sanitize(&row.explain, 400), width);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::follow::EventHandler;
    use nearmiss::{Fate, Head, Record, Timestamp};

    fn text(lines: &[StyledLine]) -> Vec<String> {
        lines.iter().map(|line| line.pieces.iter().map(|(_, text)| text.as_str()).collect()).collect()
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
            let time = Timestamp::default();
            dashboard
                .on_record(Record {
                    head: Head::Exchange { fate: Fate::Retried, status: 200, attempts: None },
                    time,
                    upstream: "cart",
                    json: &json,
                    tokens: &[],
                })
                .unwrap();
        }
        dashboard
    }

    #[test]
    fn lines_fit_every_size_and_contain_no_control_characters() {
        let dashboard = dashboard();
        for (width, height) in [(1, 1), (10, 3), (40, 8), (80, 24), (300, 90)] {
            let lines = render(&dashboard, "/var/log/\u{1b}x.log", &mut Scroll::default(), width, height);
            assert!(lines.len() <= height.max(1), "{width}x{height}");
            for line in text(&lines) {
                assert!(line.width() <= width, "{width}x{height}: {line}");
                assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            }
        }
    }

    #[test]
    fn panes_scroll_to_their_ends_and_no_further() {
        let (dashboard, mut scroll) = (dashboard(), Scroll::default());
        let first = |scroll: &mut Scroll| text(&render(&dashboard, "x", scroll, 80, 24))[2].clone();
        assert!(first(&mut scroll).starts_with("upstream-07"), "the one with a near miss is on top");
        scroll.scroll_by(1);
        assert!(first(&mut scroll).starts_with("upstream-00"));
        scroll.scroll_by(isize::MAX);
        let end = first(&mut scroll);
        scroll.scroll_by(5);
        assert_eq!(first(&mut scroll), end);
        scroll.scroll_by(isize::MIN);
        assert!(first(&mut scroll).starts_with("upstream-07"));
        for pane in [Pane::Episodes, Pane::Records, Pane::Upstreams] {
            scroll.next_pane();
            assert_eq!(scroll.pane, pane);
        }
    }
}
