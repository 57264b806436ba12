//! Joins overlapping episodes of an upstream, and relates upstreams whose episodes began at the same time, across instances.

use super::episode::{Episode, Member};
use super::stats::MergeStats;
use crate::episode::{Pattern, SAME_TIME, SAME_TIME_TWO};
use crate::sorted_map::SortedMap;
use crate::timeline::BUCKET;
use crate::units::{Micros, Timestamp};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Maximum number of episode records that are held.
const MAX_HELD: usize = 1 << 14;

/// Latest arrival of an episode record after its end: an instance waits for half an hour of silence.
const MAX_CLOSE_DELAY: Micros = Micros::from_seconds(2_100);

/// Episodes that wait, those with the most members first.
type HeldEpisodes = SortedMap<(Reverse<usize>, Box<str>, SortedMap<Member>), Box<Episode>>;

/// Episodes of the fleet.
#[derive(Debug, Default)]
pub(crate) struct Episodes {
    open: HeldEpisodes,
    closed: HeldEpisodes,
    /// Members that were emitted, the newer and the older half.
    emitted: [SortedMap<(Box<str>, Member)>; 2],
}

/// A joined episode and its upstream.
pub(crate) type Joined = (Box<str>, Episode);

impl Episodes {
    /// Holds an episode until it is emitted.
    pub(crate) fn hold(&mut self, upstream: Box<str>, episode: Episode, stats: &mut MergeStats) {
        let held = if episode.is_open { &mut self.open } else { &mut self.closed };
        let key = (Reverse(episode.members.len()), upstream, episode.members.clone());
        if held.insert(key, Box::new(episode)).is_some() {
            stats.repeated += 1;
        }
    }

    /// Returns true at the maximum number of held records.
    pub(crate) fn is_full(&self) -> bool {
        self.open.len() + self.closed.len() >= MAX_HELD
    }

    /// Removes and returns the episodes that ended before `until`, joined; unrelated ones stay.
    pub(crate) fn take_ended(&mut self, until: Timestamp, stats: &mut MergeStats) -> Vec<Joined> {
        let closed = join(self.distinct(false, stats));
        let open = join(self.distinct(true, stats));
        let ended = ended(&closed);
        let (over, mut all): (Vec<_>, Vec<_>) = open.into_iter().partition(|open| is_over(open, &ended));
        all.extend(closed);
        relate(&mut all);
        let is_due = |episode: &Episode| {
            episode.end <= if episode.is_open { until } else { until.before(MAX_CLOSE_DELAY) }
        };
        let (due, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, episode)| is_due(episode));
        for (upstream, episode) in rest {
            self.hold(upstream, episode, stats);
        }
        self.remember(&due);
        // A close reports the episode; it is remembered as long as a repeat of it could be mistaken for another one.
        let (old, recent): (Vec<_>, Vec<_>) =
            over.into_iter().partition(|(_, episode)| episode.end <= until.before(MAX_CLOSE_DELAY));
        self.remember(&old);
        for (upstream, episode) in recent {
            self.hold(upstream, episode, stats);
        }
        due
    }

    /// Returns the held episodes of one phase, each member once.
    fn distinct(&mut self, is_open: bool, stats: &mut MergeStats) -> Vec<Joined> {
        let held = core::mem::take(if is_open { &mut self.open } else { &mut self.closed });
        let mut known: SortedMap<Box<str>, SortedMap<Member>> = SortedMap::default();
        let mut distinct = Vec::new();
        for ((_, upstream, members), episode) in held.into_iter() {
            let has_left = |member: &Member| {
                self.emitted.iter().any(|emitted| emitted.contains(&(upstream.clone(), *member)))
            };
            let mine = known.get(&upstream);
            let is_mine = |member: &Member| mine.is_some_and(|mine| mine.contains(member));
            let repeated = members.keys().filter(|member| is_mine(member) || has_left(member)).count();
            if repeated == members.len() {
                stats.repeated += 1;
            } else if repeated > 0 {
                stats.overlapping += 1;
            } else {
                known.update(upstream.clone(), |mine| mine.extend(members.keys().copied()));
                distinct.push((upstream, *episode));
            }
        }
        distinct
    }

    fn remember(&mut self, episodes: &[Joined]) {
        let [newer, older] = &mut self.emitted;
        for (upstream, episode) in episodes {
            newer.extend(episode.members.keys().map(|member| (upstream.clone(), *member)));
        }
        if newer.len() > MAX_HELD {
            *older = core::mem::take(newer);
        }
    }
}

/// Returns true if as many episodes have ended as were opened.
fn is_over((upstream, open): &Joined, ended: &SortedMap<(&str, u64), usize>) -> bool {
    let opened = |start: u64| open.members.keys().filter(|member| member.0 == start).count();
    let is_over = |start: u64| ended.get(&(&**upstream, start)).is_some_and(|ended| *ended >= opened(start));
    open.members.keys().all(|(start, _)| is_over(*start))
}

/// Joins episodes of one upstream that overlap.
fn join(episodes: Vec<Joined>) -> Vec<Joined> {
    let mut ranked = SortedMap::default();
    for (upstream, episode) in episodes {
        let span = (episode.is_deviant(), episode.start, episode.end);
        ranked.insert((upstream, span, episode.members.clone()), Box::new(episode));
    }
    let mut joined: Vec<Joined> = Vec::new();
    for ((upstream, _, _), episode) in ranked.into_iter() {
        match joined.last_mut() {
            Some((of, last))
                if *of == upstream
                    && last.is_deviant() == episode.is_deviant()
                    && episode.start <= last.end =>
            {
                last.merge(&episode);
            }
            _ => joined.push((upstream, *episode)),
        }
    }
    joined
}

/// Counts the closed episodes of each upstream and start, which the open and the close of an episode share.
fn ended(closed: &[Joined]) -> SortedMap<(&str, u64), usize> {
    let mut ended = SortedMap::default();
    for (upstream, episode) in closed {
        let add = |(start, _): &Member| ended.update((&**upstream, *start), |count: &mut usize| *count += 1);
        episode.members.keys().for_each(add);
    }
    ended
}

/// Relates episodes that began at the same time: two close together, or three further apart, as on one instance.
fn relate(episodes: &mut [Joined]) {
    let starts: SortedMap<(Timestamp, Box<str>)> = episodes
        .iter()
        .filter(|(_, episode)| !episode.is_deviant())
        .map(|(upstream, episode)| (episode.start, upstream.clone()))
        .collect();
    let starts: Vec<_> = starts.into_iter().map(|(start, ())| start).collect();
    for (upstream, episode) in episodes.iter_mut().filter(|(_, episode)| !episode.is_deviant()) {
        let within = |buckets: u32| -> SortedMap<Box<str>> {
            let span = Micros::new(u64::from(buckets) * BUCKET.get());
            let from = starts.partition_point(|(ts, _)| *ts < episode.start.before(span));
            let to = starts.partition_point(|(ts, _)| *ts <= episode.start.after(span));
            let near = starts.get(from..to).unwrap_or_default().iter();
            near.filter(|(_, of)| of != upstream).map(|(_, of)| of.clone()).collect()
        };
        let near = within(SAME_TIME);
        let related = if near.len() >= 2 { near } else { within(SAME_TIME_TWO) };
        episode.related.extend(related.keys().cloned());
        if !episode.related.is_empty() {
            episode.patterns.insert(Pattern::Correlated, ());
            episode.pattern = Pattern::Correlated;
        }
    }
}
