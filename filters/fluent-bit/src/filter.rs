//! One record in, one record out.

use crate::aggregator::{Aggregator, Remainder};
use crate::host;
use crate::output_buffer::OutputBuffer;
use crate::piggyback::PiggybackQueue;
use crate::record_reader::{Interpretation, MAX_RECORD_LEN, RecordReader};
use crate::repair::repair;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use nearmiss::upstream_name;
use nearmiss::{Config, Fate, Feed, Head, Monitor, SipKey, SortedMap, Timestamp};
use nearmiss_fluent_bit_config::{FluentBitConfig, Mode};
use nearmiss_formats::{Attempts, FieldConfig, Format, LineError, ParsedLine, RecordParser};

/// Maximum number of unreadable records that are reported on standard error.
const MAX_WARNINGS: u32 = 3;
/// Memory beyond this capacity is freed after a record was repaired.
const MAX_RETAINED: usize = 64 << 10;

/// The note on a record that Fluent Bit's own parser of ingress-nginx has taken apart at the wrong places.
const SCRAMBLED: &str = "the parser k8s-nginx-ingress has cut the lists of attempts in this record: put nearmiss before the parser or the \
                         kubernetes filter, or keep the line with `keep_log` or `preserve_key`";

/// The filter, which lives as long as the process.
#[derive(Debug)]
pub(crate) struct Filter {
    mode: Mode,
    /// True if fate and upstream also stand in keys of their own.
    is_flat: bool,
    parser: RecordParser,
    reader: RecordReader,
    monitor: Monitor,
    /// Set in mode `merge` only.
    aggregator: Option<Aggregator>,
    queue: PiggybackQueue,
    output: OutputBuffer,
    /// The note that every record gets if the configuration is invalid.
    config_note: Option<String>,
    /// A note that the next record gets.
    next_note: Option<String>,
    /// Buffer for a repaired record.
    repaired: Vec<u8>,
    warnings: u32,
    /// Number of records that could not be read since the last one that could.
    unread: u32,
    /// True once a record in an unknown format has been reported; further ones are messages of other programs.
    has_reported_unknown: bool,
    /// True once a record that its parser has scrambled has been reported.
    has_reported_scrambled: bool,
    /// True once memory exhaustion has been reported.
    has_reported_exhaustion: bool,
}

/// The reason why a configuration was rejected.
#[derive(Debug)]
pub(crate) struct InvalidConfig(pub(crate) String);

impl Filter {
    /// Creates a filter; `run_id` is unique to this run of this instance.
    pub(crate) fn new(
        config: Config,
        section: &FluentBitConfig,
        run_id: &str,
    ) -> Result<Self, InvalidConfig> {
        let format = section.format.as_deref().unwrap_or("auto");
        let format: Format = format
            .parse()
            .map_err(|error| InvalidConfig(format!("`fluent_bit.format` is \"{format}\": {error}")))?;
        let keys = if section.fields.is_empty() { &config.fields } else { &section.fields };
        let fields = FieldConfig::parse(keys, format).map_err(|error| InvalidConfig(error.to_string()))?;
        let record_format = record_format(format, keys);
        Ok(Self {
            reader: RecordReader::new(format, record_format, &fields, section, &config.ignore),
            ..Self::with_auto_format(config, section, run_id)
        })
    }

    /// Creates a filter with default settings, for an invalid configuration. Every record gets a note with the reason.
    pub(crate) fn with_defaults(run_id: &str, reason: &str) -> Self {
        let note = format!("the configuration is invalid, so defaults are used: {reason}");
        let section = FluentBitConfig::default();
        Self { config_note: Some(note), ..Self::with_auto_format(Config::default(), &section, run_id) }
    }

    fn with_auto_format(config: Config, section: &FluentBitConfig, run_id: &str) -> Self {
        let aggregator = (section.mode == Mode::Merge).then(|| Aggregator::new(&config));
        let mut monitor = Monitor::new(config, Feed::Log, &format!("{}/{run_id}", section.source));
        if monitor.lacks_hosts_key()
            && let Some(secret) = host::random_bytes::<16>()
        {
            monitor.set_hosts_key(SipKey::derive(&secret));
        }
        Self {
            mode: section.mode,
            is_flat: section.flat,
            parser: RecordParser::with_line_key(section.line.as_deref().unwrap_or_default()),
            aggregator,
            reader: RecordReader::default(),
            monitor,
            queue: PiggybackQueue::default(),
            output: OutputBuffer::default(),
            config_note: None,
            next_note: None,
            repaired: Vec::new(),
            warnings: 0,
            unread: 0,
            has_reported_unknown: false,
            has_reported_scrambled: false,
            has_reported_exhaustion: false,
        }
    }

    /// Adds a note to the next record that is passed on.
    pub(crate) fn note_once(&mut self, note: String) {
        self.next_note = Some(note);
    }

    /// Processes `record`; `default_time` is its time in the pipeline. Returns the output. An empty output drops the record;
    /// `None` passes it on unchanged, because memory for an output is exhausted.
    pub(crate) fn process(&mut self, default_time: Option<Timestamp>, record: &[u8]) -> Option<&[u8]> {
        if self.parser.parse(record) {
            return self.write_output(default_time, record, "").then(|| self.output.text());
        }
        let mut repaired = core::mem::take(&mut self.repaired);
        let note = repair(record, &mut repaired);
        let is_written = self.parser.parse(&repaired) && self.write_output(default_time, &repaired, &note);
        repaired.shrink_to(MAX_RETAINED);
        self.repaired = repaired;
        Some(if is_written { self.output.text() } else { self.out_of_memory(record.len()) })
    }

    /// Passes `record` on without judging it, because memory is exhausted; an invalid record is repaired first.
    pub(crate) fn pass_through(&mut self, record: &[u8]) -> Option<&[u8]> {
        self.unread = self.unread.saturating_add(1);
        if !core::mem::replace(&mut self.has_reported_exhaustion, true) {
            host::write_stderr(
                "nearmiss: out of memory; records pass through unread until memory is available",
            );
        }
        if self.parser.parse(record) {
            return None;
        }
        let mut repaired = core::mem::take(&mut self.repaired);
        let note = repair(record, &mut repaired);
        let is_written = self.parser.parse(&repaired)
            && self.output.begin(self.parser.without_closing_brace(&repaired), self.parser.is_empty());
        self.repaired = repaired;
        if !is_written {
            return Some(self.out_of_memory(record.len()));
        }
        self.output.note(&[&note]);
        Some(self.output.end())
    }

    /// Returns the output for a record that did not fit into memory. Only its size in bytes is known.
    pub(crate) fn out_of_memory(&mut self, size: usize) -> &[u8] {
        self.unread = self.unread.saturating_add(1);
        self.output.begin(b"{", true);
        self.output.note(&["a record of ", &size.to_string(), " bytes did not fit into memory"]);
        self.output.end()
    }

    /// Ends the input and returns all waiting records, one per line.
    pub(crate) fn finish(&mut self) -> &[u8] {
        if let Some(aggregator) = &mut self.aggregator {
            aggregator.finish(&mut self.queue);
        }
        self.monitor.count_unread(core::mem::take(&mut self.unread));
        self.monitor.finish();
        while let Some(record) = self.monitor.poll_record() {
            self.queue.push(record);
        }
        self.output.begin(b"", true);
        self.queue.drain(&mut self.output);
        self.output.lines("\0");
        self.output.text()
    }

    /// Writes the output for `record`, which the parser has parsed. Returns false if memory is exhausted.
    fn write_output(&mut self, default_time: Option<Timestamp>, record: &[u8], note: &str) -> bool {
        if self.aggregator.is_some() {
            return self.merge(record, note);
        }
        if !self.output.begin(self.parser.without_closing_brace(record), self.parser.is_empty()) {
            return false;
        }
        let is_near_miss = self.judge(default_time, record);
        if self.mode == Mode::Only && !is_near_miss {
            self.output.begin(b"", true);
            if !self.queue.is_empty() {
                // Waiting records replace the dropped one.
                self.output.begin(b"{", true);
                self.queue.attach(&mut self.output);
            }
        } else if !self.parser.has_reserved_field() {
            self.queue.attach(&mut self.output);
            self.write_notes(note);
        }
        self.output.end();
        true
    }

    /// Writes the note on the record itself, and those of the filter.
    fn write_notes(&mut self, note: &str) {
        let next = self.next_note.take().unwrap_or_default();
        let notes = [note, &next, self.config_note.as_deref().unwrap_or_default()];
        let mut notes = notes.into_iter().filter(|note| !note.is_empty());
        if let Some(first) = notes.next() {
            let rest = notes.flat_map(|note| ["; ", note]);
            let pieces: Vec<&str> = core::iter::once(first).chain(rest).collect();
            self.output.note(&pieces);
        }
    }

    /// Merges the summaries and episodes in a record, and writes the remainder of it.
    fn merge(&mut self, record: &[u8], note: &str) -> bool {
        let Some(aggregator) = &mut self.aggregator else { return false };
        let mut failure = None;
        let (head, is_empty, may_attach) = match aggregator.absorb(record, &mut self.queue) {
            Remainder::Unchanged(reason) => {
                failure = reason;
                (
                    self.parser.without_closing_brace(record),
                    self.parser.is_empty(),
                    !self.parser.has_reserved_field(),
                )
            }
            Remainder::Stripped(text) => (text, false, true),
            Remainder::Empty if self.queue.is_empty() => (&b""[..], true, false),
            // Merged records replace the one that is now empty.
            Remainder::Empty => (&b"{"[..], true, true),
        };
        if !self.output.begin(head, is_empty) {
            return false;
        }
        if may_attach {
            self.queue.attach(&mut self.output);
        }
        if may_attach && !note.is_empty() {
            self.output.note(&[note]);
        }
        self.output.end();
        if let Some(failure) = failure {
            self.warn_unreadable(&failure);
        }
        true
    }

    /// Judges a record and writes the verdict into the output. Returns true for a near miss or a failure.
    fn judge(&mut self, default_time: Option<Timestamp>, record: &[u8]) -> bool {
        if record.len() > MAX_RECORD_LEN {
            self.unread = self.unread.saturating_add(1);
            return false;
        }
        let (mut failure, mut is_unknown) = (None, false);
        for interpretation in self.reader.candidates(record, &self.parser) {
            let mut attempts = Attempts::default();
            let parsed =
                self.reader.read(*interpretation, record, &mut self.parser, default_time, &mut attempts);
            let fate = match parsed {
                Ok(ParsedLine::Exchange(ref exchange)) => {
                    let observed = self.monitor.observe(exchange);
                    let upstream = upstream_name(exchange.upstream);
                    if !observed.recorded {
                        self.output.clean(&upstream);
                    }
                    if self.is_flat && !self.parser.has_reserved_field() {
                        self.output.flat(observed.verdict.fate, Some(&upstream));
                    }
                    observed.verdict.fate
                }
                Ok(ParsedLine::Judged(judged)) => {
                    let upstream = judged.upstream.unwrap_or_default();
                    self.monitor.relay(judged.ts.or(default_time), upstream, judged.fate);
                    if self.is_flat && !self.parser.has_reserved_field() {
                        self.output.flat(judged.fate, judged.upstream.map(upstream_name).as_deref());
                    }
                    judged.fate
                }
                Ok(ParsedLine::LeftOut(_)) => Fate::Clean,
                Ok(ParsedLine::Other(kind)) => {
                    is_unknown |= kind.is_unknown() && !self.reader.knows_format(*interpretation);
                    continue;
                }
                Err(_) if *interpretation == Interpretation::Tokens => continue,
                Err(error) => {
                    // The most likely interpretation gives the most useful error.
                    failure.get_or_insert(error);
                    continue;
                }
            };
            let mut summarised = None;
            while let Some(record) = self.monitor.poll_record() {
                match record.head {
                    Head::Exchange { .. } => self.output.field("near_miss", record.json),
                    Head::Episode { .. } => self.queue.push(record),
                    Head::Summary { .. } => {
                        summarised = Some(record.time);
                        self.queue.push(record);
                    }
                }
            }
            if let Some(now) = summarised {
                self.report_unmatched(now);
            }
            if self.unread > 0 {
                self.monitor.count_unread(core::mem::take(&mut self.unread));
            }
            return fate != Fate::Clean;
        }
        self.report_unread(record, failure, is_unknown);
        false
    }

    /// Counts and reports a record that no interpretation could read: `failure` if it looks like one of an access log, and
    /// `is_unknown` if it may be one.
    fn report_unread(&mut self, record: &[u8], failure: Option<LineError>, is_unknown: bool) {
        let is_scrambled = is_scrambled(record, &self.parser);
        self.unread = self.unread.saturating_add(u32::from(is_scrambled || failure.is_some()));
        if is_scrambled {
            self.next_note = Some(SCRAMBLED.into());
            if !core::mem::replace(&mut self.has_reported_scrambled, true) {
                host::write_stderr(&["nearmiss: a record passed through unread: ", SCRAMBLED].concat());
            }
            return;
        }
        let is_first_unknown =
            failure.is_none() && is_unknown && !core::mem::replace(&mut self.has_reported_unknown, true);
        if let Some(error) = failure.or(is_first_unknown.then(LineError::unknown_format)) {
            self.warn_unreadable(&error.with_advice("`fluent_bit.format` in nearmiss.json names one"));
        }
    }

    /// Reports, once, the configured upstreams that have not occurred ten minutes after the first summary: most of them are misspelled.
    fn report_unmatched(&mut self, now: Timestamp) {
        for name in self.monitor.due_unmatched_upstreams(now) {
            host::write_stderr(&format!(
                "nearmiss: `upstreams.{name}` of nearmiss.json has matched no upstream in ten minutes"
            ));
        }
    }

    /// Reports an unreadable record on standard error, up to [`MAX_WARNINGS`] times.
    fn warn_unreadable(&mut self, error: &dyn Display) {
        if self.warnings < MAX_WARNINGS {
            self.warnings += 1;
            let last = if self.warnings == MAX_WARNINGS { "; further ones are not reported" } else { "" };
            host::write_stderr(&format!("nearmiss: a record passed through unread: {error}{last}"));
        }
    }
}

/// Returns the format of structured records: that of the lines if it is JSON. If the configured `keys` name everything that an exchange
/// needs, no keys of a format are left to detect: the format of records with keys of one's own is nginx's.
fn record_format(format: Format, keys: &SortedMap<String, String>) -> Format {
    let has = |name| keys.get(name).is_some();
    let is_complete = has("upstream") && has("status") && (has("duration_ms") || has("duration_s"));
    match format {
        Format::Exchange if is_complete => Format::NginxJson,
        json if json.is_json() => json,
        _ if is_complete => Format::NginxJson,
        _ => Format::Auto,
    }
}

/// Returns true if the members of `record` are those of Fluent Bit's parser k8s-nginx-ingress, whose expression ends each list at its
/// first space.
fn is_scrambled(record: &[u8], parser: &RecordParser) -> bool {
    parser.text(record, "proxy_upstream_name").is_some()
        && parser.text(record, "upstream_addr").is_some_and(|value| value.ends_with(b",") || value == b"[")
}
