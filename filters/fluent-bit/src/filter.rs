//! One record in, one reply out.

use crate::host;
use crate::merging::{Left, Merging};
use crate::reading::{LONGEST, Reading, Way};
use crate::repair::repair;
use crate::reply::Reply;
use crate::riders::Riders;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use nearmiss::config::FluentBitMode;
use nearmiss::upstream_name;
use nearmiss::{Config, Fate, Feed, Monitor, RecordKind, Timestamp};
use nearmiss_formats::{Attempts, FieldConfig, Format, ParsedLine, RecordParser};

/// How many records that cannot be read are told on standard error.
const COMPLAINTS: u32 = 3;
/// Above this, memory for a record that was repaired is given back.
const KEEP: usize = 64 << 10;

/// The filter, for the life of the process.
#[derive(Debug)]
pub(crate) struct Filter {
    mode: FluentBitMode,
    parser: RecordParser,
    reading: Reading,
    monitor: Monitor,
    /// In mode `merge`.
    merging: Option<Merging>,
    riders: Riders,
    reply: Reply,
    /// What every record says of a broken configuration.
    notice: Option<String>,
    /// The record that was no JSON, made some.
    repaired: Vec<u8>,
    complaints: u32,
    /// It has been told that there was no memory.
    is_starved: bool,
}

/// Why a configuration cannot be followed.
#[derive(Debug)]
pub(crate) struct Misconfigured(pub(crate) String);

/// What became of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    /// A near miss, or failed.
    Notable,
    /// Anything else.
    Ordinary,
}

impl Filter {
    /// A filter without a past; `run` tells this run of this instance from all others.
    pub(crate) fn new(config: Config, run: &str) -> Result<Self, Misconfigured> {
        let section = &config.fluent_bit;
        let format = section.format.as_deref().unwrap_or("auto");
        let format: Format = format
            .parse()
            .map_err(|wrong| Misconfigured(format!("`fluent_bit.format` is \"{format}\": {wrong}")))?;
        let fields = if section.fields.is_empty() { &config.fields } else { &section.fields };
        let fields = FieldConfig::parse(fields).map_err(|wrong| Misconfigured(wrong.to_string()))?;
        Ok(Self { reading: Reading::new(format, &fields), ..Self::plain(config, run) })
    }

    /// A filter on defaults, where the configuration is broken: each record says what is wrong with it.
    pub(crate) fn on_defaults(run: &str, wrong: &str) -> Self {
        let notice = format!("the configuration is broken, so the defaults hold: {wrong}");
        Self { notice: Some(notice), ..Self::plain(Config::default(), run) }
    }

    fn plain(config: Config, run: &str) -> Self {
        let source = format!("{}/{run}", config.fluent_bit.source);
        Self {
            mode: config.fluent_bit.mode,
            parser: RecordParser::default(),
            merging: (config.fluent_bit.mode == FluentBitMode::Merge).then(|| Merging::new(&config)),
            reading: Reading::default(),
            monitor: Monitor::new(config, Feed::Log, &source),
            riders: Riders::default(),
            reply: Reply::default(),
            notice: None,
            repaired: Vec::new(),
            complaints: 0,
            is_starved: false,
        }
    }

    /// The reply to `record`, which came through the pipeline at `arrived`. An empty one drops it; `None` takes it back
    /// as it came, where there is no memory for a reply.
    pub(crate) fn take(&mut self, arrived: Option<Timestamp>, record: &[u8]) -> Option<&[u8]> {
        if self.parser.parse(record) {
            return self.answer(arrived, record, "").then(|| self.reply.text());
        }
        let mut repaired = core::mem::take(&mut self.repaired);
        let note = repair(record, &mut repaired);
        let answered = self.parser.parse(&repaired) && self.answer(arrived, &repaired, &note);
        repaired.shrink_to(KEEP);
        self.repaired = repaired;
        Some(if answered { self.reply.text() } else { self.missing(record.len()) })
    }

    /// The reply to `record` where there is no memory to judge it: what is no JSON is made some, all else is taken back.
    pub(crate) fn pass(&mut self, record: &[u8]) -> Option<&[u8]> {
        if !core::mem::replace(&mut self.is_starved, true) {
            host::complain(
                "nearmiss: there is no memory left; as long as there is none, records are passed on unread",
            );
        }
        if self.parser.parse(record) {
            return None;
        }
        let mut repaired = core::mem::take(&mut self.repaired);
        let note = repair(record, &mut repaired);
        let passes = self.parser.parse(&repaired)
            && self.reply.begin(self.parser.without_closing_brace(&repaired), self.parser.is_empty());
        self.repaired = repaired;
        if !passes {
            return Some(self.missing(record.len()));
        }
        self.reply.note(&[&note]);
        Some(self.reply.end())
    }

    /// The reply to a record that found no room in memory: of `size` bytes, nothing else is known.
    pub(crate) fn missing(&mut self, size: usize) -> &[u8] {
        self.reply.begin(b"{", true);
        self.reply.note(&["a record of ", &size.to_string(), " bytes found no room in memory"]);
        self.reply.end()
    }

    /// The end of input: every record that waits, a line each.
    pub(crate) fn finish(&mut self) -> &[u8] {
        if let Some(merging) = &mut self.merging {
            merging.finish(&mut self.riders);
        }
        self.monitor.finish();
        while let Some(record) = self.monitor.poll_record() {
            self.riders.add(record);
        }
        self.reply.begin(b"", true);
        self.riders.get_off(&mut self.reply);
        self.reply.lines("\0");
        self.reply.text()
    }

    /// Writes the reply to `record`, whose members are known; false if there is no memory for it.
    fn answer(&mut self, arrived: Option<Timestamp>, record: &[u8], note: &str) -> bool {
        if self.merging.is_some() {
            return self.merge(record, note);
        }
        if !self.reply.begin(self.parser.without_closing_brace(record), self.parser.is_empty()) {
            return false;
        }
        let found = self.judge(arrived, record);
        if self.mode == FluentBitMode::Only && found == Found::Ordinary {
            self.reply.begin(b"", true);
            if !self.riders.is_empty() {
                // What waits takes the place of the record.
                self.reply.begin(b"{", true);
                self.riders.ride(&mut self.reply);
            }
        } else if !self.parser.has_reserved_field() {
            self.riders.ride(&mut self.reply);
            match (&self.notice, note) {
                (None, "") => {}
                (None, note) => self.reply.note(&[note]),
                (Some(notice), "") => self.reply.note(&[notice]),
                (Some(notice), note) => self.reply.note(&[note, "; ", notice]),
            }
        }
        self.reply.end();
        true
    }

    /// Takes what a record carries for the fleet, and writes what is left of it.
    fn merge(&mut self, record: &[u8], note: &str) -> bool {
        let Some(merging) = &mut self.merging else { return false };
        let mut wrong = None;
        let (head, is_empty, has_room) = match merging.take(record, &mut self.riders) {
            Left::All(why) => {
                wrong = why;
                (
                    self.parser.without_closing_brace(record),
                    self.parser.is_empty(),
                    !self.parser.has_reserved_field(),
                )
            }
            Left::Rest(rest) => (rest, false, true),
            Left::Nothing if self.riders.is_empty() => (&b""[..], true, false),
            // What was merged takes the place of what carried it.
            Left::Nothing => (&b"{"[..], true, true),
        };
        if !self.reply.begin(head, is_empty) {
            return false;
        }
        if has_room {
            self.riders.ride(&mut self.reply);
        }
        if has_room && !note.is_empty() {
            self.reply.note(&[note]);
        }
        self.reply.end();
        if let Some(wrong) = wrong {
            self.complain(&wrong);
        }
        true
    }

    /// Judges what a record says, and writes the verdict into the reply.
    fn judge(&mut self, arrived: Option<Timestamp>, record: &[u8]) -> Found {
        if record.len() > LONGEST {
            return Found::Ordinary;
        }
        let mut failure = None;
        for way in Way::all(record, &self.parser) {
            let mut attempts = Attempts::default();
            let found = match self.reading.read(*way, record, &mut self.parser, arrived, &mut attempts) {
                Ok(ParsedLine::Exchange(ref exchange)) => {
                    let observed = self.monitor.observe(exchange);
                    if !observed.recorded {
                        self.reply.clean(&upstream_name(exchange.upstream));
                    }
                    observed.verdict.fate
                }
                Ok(ParsedLine::Judged(judged)) => {
                    let upstream = judged.upstream.unwrap_or_default();
                    self.monitor.relay(judged.ts.or(arrived), upstream, judged.fate);
                    judged.fate
                }
                Ok(ParsedLine::LeftOut(_)) => Fate::Clean,
                Err(_) if *way == Way::Tokens => continue,
                Err(error) => {
                    // The likeliest way says best what is wrong.
                    failure.get_or_insert(error);
                    continue;
                }
            };
            while let Some(record) = self.monitor.poll_record() {
                match record.kind {
                    RecordKind::Exchange => self.reply.field("near_miss", record.json),
                    RecordKind::Episode | RecordKind::Summary => self.riders.add(record),
                }
            }
            return if found == Fate::Clean { Found::Ordinary } else { Found::Notable };
        }
        if let Some(error) = failure {
            self.complain(&error.with_advice("`fluent_bit.format` in nearmiss.json names one"));
        }
        Found::Ordinary
    }

    /// Says what cannot be read, the first few times.
    fn complain(&mut self, error: &dyn Display) {
        if self.complaints < COMPLAINTS {
            self.complaints += 1;
            let last = if self.complaints == COMPLAINTS { "; no more are told" } else { "" };
            host::complain(&format!("nearmiss: a record was passed on unread: {error}{last}"));
        }
    }
}
