//! The view as lines of a given width and height; still no terminal in sight.

use super::view::{Row, View};
use crate::plain::plain;
use crate::report::clock::{Stamp, TimeOfDay};
use crate::report::numbers::{Count, Percent};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of a line is, for whoever paints it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Plain,
    Dim,
    Strong,
    Warning,
    Alarm,
}

/// One line, piece by piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) pieces: Vec<(Tone, String)>,
    width: usize,
}

/// The three parts that scroll.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Part {
    #[default]
    Upstreams,
    Episodes,
    Records,
}

/// Where each part is scrolled to, and which one the keys move.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scroll {
    pub(super) part: Part,
    tops: [usize; 3],
}

impl Scroll {
    /// Lets the keys move the next part.
    pub(super) fn next_part(&mut self) {
        self.part = match self.part {
            Part::Upstreams => Part::Episodes,
            Part::Episodes => Part::Records,
            Part::Records => Part::Upstreams,
        };
    }

    /// Moves the part; where it ends is settled when it is drawn.
    pub(super) fn by(&mut self, lines: isize) {
        if let Some(top) = self.tops.get_mut(self.part as usize) {
            *top = top.saturating_add_signed(lines);
        }
    }

    /// The first line of a part with `all` lines of which `shown` fit.
    fn settle(&mut self, part: Part, all: usize, shown: usize) -> usize {
        let Some(top) = self.tops.get_mut(part as usize) else { return 0 };
        *top = (*top).min(all.saturating_sub(shown));
        *top
    }
}

impl Line {
    /// Adds a piece, cut where the line ends.
    fn add(&mut self, tone: Tone, text: &str, most: usize) {
        let room = most.saturating_sub(self.width);
        let text = cut(text, room);
        self.width += text.width();
        self.pieces.push((tone, text));
    }
}

/// `text` within `room` columns; a wide character that would stand half outside is left out.
fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.into();
    }
    let mut width = 0;
    let fits = |c: &char| {
        width += c.width().unwrap_or(0);
        width < room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    if room > 0 {
        cut.push('…');
    }
    cut
}

/// `text` in exactly `width` columns.
fn padded(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let room = width - text.width();
    text + &" ".repeat(room)
}

/// All lines of a screen, `height` of them at most.
pub(super) fn screen(view: &View, file: &str, scroll: &mut Scroll, width: usize, height: usize) -> Vec<Line> {
    let mut lines = vec![headline(view, file, width)];
    // The foot, and a heading for each part.
    let room = height.saturating_sub(5);
    let upstreams = view.upstreams.len().clamp(1, (room / 2).max(1));
    let episodes = view.episodes.len().clamp(1, (room / 4).max(1));
    let records = room.saturating_sub(upstreams + episodes);
    let name = view.upstreams.iter().map(|row| plain(&row.name, 40).width()).max().unwrap_or(8).clamp(8, 28);
    let heading = |part: Part, text: String| {
        let mut line = Line::default();
        line.add(if scroll.part == part { Tone::Strong } else { Tone::Dim }, &text, width);
        line
    };
    let head = format!(
        "{} {:>11} {:>9} {:>9} {:>11} {:>8} {:>8}  near misses and failures by 10 s",
        padded("UPSTREAM", name),
        "exchanges",
        "first try",
        "callers",
        "near misses",
        "failed",
        "margin"
    );
    let headings = [
        heading(Part::Upstreams, head),
        heading(Part::Episodes, format!("EPISODES ({})", view.episodes.len())),
        heading(Part::Records, format!("LAST RECORDS ({})", view.records.len())),
    ];
    let [upstreams_head, episodes_head, records_head] = headings;
    let ranked = view.ranked();
    let top = scroll.settle(Part::Upstreams, ranked.len(), upstreams);
    lines.push(upstreams_head);
    lines.extend(filled(ranked.iter().skip(top).map(|row| upstream(row, view, name, width)), upstreams));
    let top = scroll.settle(Part::Episodes, view.episodes.len(), episodes);
    lines.push(episodes_head);
    lines.extend(filled(view.episodes.iter().skip(top).map(|held| episode(held, width)), episodes));
    let top = scroll.settle(Part::Records, view.records.len(), records);
    lines.push(records_head);
    lines.extend(filled(view.records.iter().skip(top).map(|told| record(told, name, width)), records));
    lines.truncate(height.saturating_sub(1));
    let mut foot = Line::default();
    foot.add(Tone::Dim, "q quit   ↑ ↓ PgUp PgDn Home End scroll   Tab next part", width);
    lines.push(foot);
    lines
}

/// The first of `lines`, and empty ones until there are `height`.
fn filled(lines: impl Iterator<Item = Line>, height: usize) -> impl Iterator<Item = Line> {
    lines.chain(core::iter::repeat_with(Line::default)).take(height)
}

fn headline(view: &View, file: &str, width: usize) -> Line {
    let total = view.total();
    let mut line = Line::default();
    line.add(Tone::Strong, &format!("nearmiss · {}", plain(file, 60)), width);
    if total.exchanges() == 0 {
        line.add(Tone::Dim, "  waiting for the first exchange", width);
    } else {
        line.add(
            Tone::Plain,
            &format!(
                "  {} UTC  callers {}  first try {}  {} exchanges",
                Stamp(view.now.micros() / 1_000),
                Percent(total.final_success()),
                Percent(total.first_try_success()),
                Count(total.exchanges())
            ),
            width,
        );
    }
    if view.unreadable > 0 {
        line.add(Tone::Alarm, &format!("  {} unreadable", Count(view.unreadable)), width);
    }
    line
}

fn upstream(row: &Row, view: &View, name: usize, width: usize) -> Line {
    let (counts, mut line) = (&row.counts, Line::default());
    line.add(Tone::Plain, &padded(&plain(&row.name, 40), name), width);
    line.add(
        Tone::Plain,
        &format!(
            " {:>11} {:>9} {:>9}",
            Count(counts.exchanges()),
            Percent(counts.first_try_success()),
            Percent(counts.final_success())
        ),
        width,
    );
    let tone = |count: u64, tone: Tone| if count > 0 { tone } else { Tone::Plain };
    line.add(
        tone(counts.near_misses(), Tone::Warning),
        &format!(" {:>11}", Count(counts.near_misses())),
        width,
    );
    line.add(tone(counts.failed(), Tone::Alarm), &format!(" {:>8}", Count(counts.failed())), width);
    line.add(Tone::Plain, &format!(" {:>8}  ", Percent(row.margin.map(u64::from))), width);
    let beats = row.beats(view.now, width.saturating_sub(line.width).min(40));
    let spark = sparkline(&beats);
    line.add(Tone::Warning, &spark, width);
    line
}

/// Counts as bars in eight heights, the highest of them the largest.
fn sparkline(counts: &[u64]) -> String {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| HEIGHTS.get((count * 8).div_ceil(most) as usize).copied().unwrap_or('█');
    counts.iter().map(height).collect()
}

fn episode(episode: &crate::report::records::Episode, width: usize) -> Line {
    let mut line = Line::default();
    let open = episode.phase != "close";
    let escalated = episode.outcome.as_deref() == Some("escalated");
    let (tone, word) = match (open, escalated) {
        (true, _) => (Tone::Warning, "open"),
        (false, true) => (Tone::Alarm, "outage"),
        (false, false) => (Tone::Dim, "over"),
    };
    line.add(tone, &format!("{word:<6} "), width);
    line.add(
        Tone::Strong,
        &format!("{} {} ", plain(&episode.upstream, 40), plain(&episode.pattern, 20)),
        width,
    );
    let end = episode.end.map_or(String::new(), |end| format!(" to {}", TimeOfDay(end.0)));
    line.add(
        Tone::Plain,
        &format!("since {}{end}: {}", TimeOfDay(episode.start.0), plain(&episode.explain, 400)),
        width,
    );
    line
}

fn record(told: &super::view::Told, name: usize, width: usize) -> Line {
    let mut line = Line::default();
    line.add(Tone::Dim, &format!("{:<8} ", TimeOfDay(told.time).to_string()), width);
    line.add(Tone::Plain, &format!("{} ", padded(&plain(&told.upstream, 40), name)), width);
    let tone = if told.fate == "failed" { Tone::Alarm } else { Tone::Warning };
    line.add(tone, &format!("{:<14} ", plain(&told.fate, 14)), width);
    line.add(Tone::Plain, &plain(&told.explain, 400), width);
    line
}

#[cfg(test)]
mod tests {
    use super::super::Onlooker;
    use super::*;
    use nearmiss::{Fate, Record, RecordKind, Timestamp};

    fn text(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.pieces.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    fn view() -> View {
        let mut view = View::default();
        for number in 0..30 {
            view.judged(
                &format!("upstream-{number:02}"),
                if number == 7 { Fate::Retried } else { Fate::Clean },
            );
            let json = format!(
                r#"{{"schema":1,"type":"exchange","time":"2026-11-23T08:00:{number:02}.000Z","upstream":"你好\u001b[2J{number}","fate":"retried","duration_ms":1,"explain":"\u001b]0;x"}}"#
            );
            let time = Timestamp::default();
            view.record(Record { kind: RecordKind::Exchange, time, json: &json }).unwrap();
        }
        view
    }

    #[test]
    fn every_line_fits_every_size_and_nothing_in_it_acts() {
        let view = view();
        for (width, height) in [(1, 1), (10, 3), (40, 8), (80, 24), (300, 90)] {
            let lines = screen(&view, "/var/log/\u{1b}x.log", &mut Scroll::default(), width, height);
            assert!(lines.len() <= height.max(1), "{width}x{height}");
            for line in text(&lines) {
                assert!(line.width() <= width, "{width}x{height}: {line}");
                assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            }
        }
    }

    #[test]
    fn parts_scroll_to_their_ends_and_no_further() {
        let (view, mut scroll) = (view(), Scroll::default());
        let first = |scroll: &mut Scroll| text(&screen(&view, "x", scroll, 80, 24))[2].clone();
        assert!(first(&mut scroll).starts_with("upstream-07"), "the one with a near miss is on top");
        scroll.by(1);
        assert!(first(&mut scroll).starts_with("upstream-00"));
        scroll.by(isize::MAX);
        let end = first(&mut scroll);
        scroll.by(5);
        assert_eq!(first(&mut scroll), end);
        scroll.by(isize::MIN);
        assert!(first(&mut scroll).starts_with("upstream-07"));
        for part in [Part::Episodes, Part::Records, Part::Upstreams] {
            scroll.next_part();
            assert_eq!(scroll.part, part);
        }
    }
}
