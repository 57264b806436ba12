//! The attempts in nginx's lists.

use super::fields::{FieldId, ParsedFields};
use crate::error::{LineError, LineErrorKind};
use crate::field_values::FieldValues;
use crate::list::List;
use crate::swar::contains;
use crate::text::{invalid, utf8};
use crate::{AttemptList, number, time};
use nearmiss::{Attempt, is_error};

/// Rejects lists that an earlier parser has split: it took a space for the end of a value, so lists end in a comma, and
/// the rest of the line is under the wrong names.
#[cold]
pub(super) fn check_lists(line: &[u8], values: &FieldValues<'_, '_>) -> Result<(), LineError> {
    let fields = [
        (FieldId::Hosts, "upstream_addr"),
        (FieldId::Codes, "upstream_status"),
        (FieldId::Times, "upstream_response_time"),
    ];
    for (id, field) in fields {
        let text = values.raw(id as usize).unwrap_or_default();
        let has_address = || List::new(text).any(|entry| contains(entry.text, b':'));
        if List::is_split(text) || id != FieldId::Hosts && has_address() {
            let kind = LineErrorKind::SplitList { field, found: crate::error::excerpt(text) };
            return Err(LineError::new(crate::text::offset_in(line, text), kind));
        }
    }
    Ok(())
}

/// Returns the field that holds the list of addresses: some log it under the name of the upstream.
pub(super) fn hosts_field(values: &FieldValues<'_, '_>) -> FieldId {
    if values.has(FieldId::Hosts as usize) {
        return FieldId::Hosts;
    }
    let has_addresses = values.get(FieldId::Upstream as usize).is_some_and(is_address_list);
    if has_addresses { FieldId::Upstream } else { FieldId::Hosts }
}

/// Returns true for `unix:…`, for `host:port`, and for a list of them.
fn is_address_list(text: &[u8]) -> bool {
    let first = List::new(text).next().map_or(text, |entry| entry.text);
    let port = first.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    let has_port = port.len() < first.len() && !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    first.starts_with(b"unix:") || has_port
}

/// The result of following the lists.
#[derive(Default)]
pub(super) struct AttemptChain<'a> {
    /// Number of attempts that reached for a host; `None` without a list.
    pub(super) attempts: Option<u32>,
    /// The host of the last attempt.
    pub(super) host: Option<&'a [u8]>,
    /// The name of a group without a live server, which stands in the list in place of a host.
    pub(super) empty_group: Option<&'a [u8]>,
    /// True if the intended upstream ended with a failure.
    pub(super) failed: bool,
    /// True if the lists say that no upstream was contacted.
    pub(super) none_contacted: bool,
}

/// Returns an entry of a list, or `None` if it is empty, `-`, or the `-1` that some write in its place.
fn entry_value(entry: &[u8]) -> Option<&[u8]> {
    crate::text::present(entry).filter(|entry| *entry != b"-1")
}

/// Follows the lists from attempt to attempt.
pub(super) fn follow_lists<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    hosts_field: FieldId,
    parsed: &mut ParsedFields,
    attempts: &mut AttemptList<'a>,
) -> Result<AttemptChain<'a>, LineError> {
    attempts.clear();
    if values.is_changed(FieldId::Codes as usize) {
        parsed.code = None;
    }
    let list = |id: FieldId| values.raw(id as usize).filter(|text| !text.is_empty());
    let (hosts, codes) = (list(hosts_field), list(FieldId::Codes));
    // A lone `-` of these is no attempt, or one that failed.
    let phases =
        || [FieldId::Headers, FieldId::Connects].into_iter().find_map(|id| list(id).and_then(entry_value));
    let Some(lead) = codes.or(hosts).or(list(FieldId::Times)).or_else(phases) else {
        // An empty list says that no upstream was contacted; a missing list says nothing.
        let is_empty = values.raw(FieldId::Codes as usize).or(values.raw(FieldId::Hosts as usize)).is_some();
        return Ok(AttemptChain {
            none_contacted: is_empty,
            attempts: is_empty.then_some(0),
            ..AttemptChain::default()
        });
    };
    let (times, headers) = (list(FieldId::Times), list(FieldId::Headers));
    let mut walk =
        ListWalk { line, has_codes: codes.is_some(), has_hosts: hosts.is_some(), ..ListWalk::default() };
    walk.has_times_only = codes.is_none() && hosts.is_none();
    if parsed.lists == 0 {
        // One attempt, as nearly always: each list is its only entry.
        let status = match parsed.code {
            Some(status) => status,
            None => codes.and_then(entry_value).map(|text| upstream_status(line, text)).transpose()?,
        };
        parsed.code = Some(status);
        let entry = ListEntry { host: hosts, status, time: times, header: headers, ends_group: false };
        walk.step(entry, attempts)?;
    } else {
        let entries = List::new(lead).count();
        let side = |field: &'static str, text: Option<&'a [u8]>| {
            let found = text.map_or(entries, |text| List::new(text).count());
            if found == entries {
                return Ok(text.map(List::new));
            }
            let offset = crate::text::offset_in(line, text.unwrap_or_default());
            Err(LineError::new(offset, LineErrorKind::LengthMismatch { field, found, expected: entries }))
        };
        let mut hosts = side("upstream_addr", hosts)?;
        // One time for several attempts is that of all: log shippers add them up.
        let each = |text: Option<&'a [u8]>| text.filter(|text| List::new(text).nth(1).is_some());
        let mut times = side("upstream_response_time", each(times))?;
        let mut headers = side("upstream_header_time", each(headers))?;
        side("upstream_connect_time", each(list(FieldId::Connects)))?;
        let next = |list: &mut Option<List<'a>>| Some(list.as_mut()?.next()?.text);
        for entry in List::new(lead) {
            let code = codes.and(entry_value(entry.text));
            let entry = ListEntry {
                host: next(&mut hosts),
                status: code.map(|text| upstream_status(line, text)).transpose()?,
                time: next(&mut times),
                header: next(&mut headers),
                ends_group: entry.ends_group,
            };
            walk.step(entry, attempts)?;
        }
    }
    Ok(AttemptChain { attempts: Some(walk.count), none_contacted: !walk.any_contacted, ..walk.chain })
}

/// The entries of all lists at one index.
struct ListEntry<'a> {
    host: Option<&'a [u8]>,
    status: Option<u16>,
    time: Option<&'a [u8]>,
    header: Option<&'a [u8]>,
    /// True if it is the last of its group, and another group follows.
    ends_group: bool,
}

/// The state of following the lists.
///
/// A group that ends well and is followed by another has handed the request over: that is no attempt of its own. A
/// group that ends badly and is followed by another was rescued by it: the rescue is no attempt either.
#[derive(Default)]
struct ListWalk<'a, 'l> {
    line: &'l [u8],
    has_codes: bool,
    has_hosts: bool,
    /// True if the times alone say that there was an attempt.
    has_times_only: bool,
    chain: AttemptChain<'a>,
    count: u32,
    in_group: u32,
    rescued: bool,
    any_contacted: bool,
}

impl<'a> ListWalk<'a, '_> {
    fn step(&mut self, entry: ListEntry<'a>, attempts: &mut AttemptList<'a>) -> Result<(), LineError> {
        let (host, status) = (entry.host.and_then(entry_value), entry.status);
        let is_attempt = match host {
            Some(host) if contains(host, b':') => true,
            Some(group) => {
                self.chain.empty_group = Some(group);
                false
            }
            None if self.has_times_only => entry.time.is_none_or(|time| entry_value(time).is_some()),
            None => status.is_some() && !self.has_hosts,
        };
        self.any_contacted |= host.is_some() || status.is_some() || self.has_times_only && is_attempt;
        if is_attempt {
            self.chain.host = host.or(self.chain.host);
        }
        let failed = self.has_codes && (is_attempt || status.is_some()) && status.is_none_or(is_error);
        if is_attempt && !self.rescued {
            let has_no_header = |header| entry_value(header).is_none();
            let unanswered = matches!(status, Some(502 | 504)) && entry.header.is_some_and(has_no_header);
            let duration = |text| {
                time::seconds(text)
                    .ok_or_else(|| invalid(self.line, text, "upstream_response_time", "seconds"))
            };
            let attempt = Attempt {
                host: host.map(|host| utf8(self.line, host)).transpose()?,
                status: status.filter(|_| !unanswered),
                duration: entry.time.and_then(entry_value).map(duration).transpose()?,
                ..Attempt::default()
            };
            if !self.has_times_only {
                // A log of attempts without hosts and outcomes would say that none answered.
                attempts.push(attempt);
            }
            self.count += 1;
            self.in_group += 1;
        }
        if !self.rescued {
            self.chain.failed = failed;
        }
        if entry.ends_group && !self.rescued {
            if failed {
                self.rescued = true;
            } else if self.in_group > 0 {
                attempts.pop();
                self.count -= 1;
            }
            self.in_group = 0;
        }
        Ok(())
    }
}

fn upstream_status(line: &[u8], text: &[u8]) -> Result<u16, LineError> {
    status_code(text).ok_or_else(|| invalid(line, text, "upstream_status", "statuses, 0 to 999"))
}

/// Parses a status of at most three digits.
pub(super) fn status_code(text: &[u8]) -> Option<u16> {
    number::all_whole(text).filter(|code| *code <= 999).map(|code| code as u16)
}
