use super::*;
use alloc::format;
use alloc::string::{String, ToString};

/// Number of slots of the tables here.
const SLOTS: usize = 3;

/// A table, and the buckets that are open in addition to the newest.
struct Fixture {
    table: TopK<u32, SLOTS>,
    lag: u32,
    eviction: Eviction,
}

impl Fixture {
    fn new(lag: u32) -> Self {
        Self { table: TopK::default(), lag, eviction: Eviction::Lightest }
    }

    /// Seals a bucket with these names and weights. Returns the slot that was reassigned.
    fn seal(&mut self, bucket: u32, names: &[(&str, u16)]) -> Option<u8> {
        let comparable = bucket.saturating_sub(1 + self.lag);
        let mut candidates = Candidates::<u32>::default();
        for (name, weight) in names {
            let hash = hash_of(name);
            if let Some(slot) = self.table.find_at(hash, comparable) {
                self.table.mark(slot, bucket, *weight);
            } else if *weight > 0 || self.table.has_room(comparable) {
                let candidate = candidates.offer(hash, 0, name).unwrap();
                candidate.weight += weight;
                candidate.value += 1;
            } else {
                candidates.refused = true;
            }
        }
        let seal = Seal { bucket, next_comparable: bucket.saturating_sub(self.lag) };
        self.table.settle(candidates.take(), seal, self.eviction, |_, all, count| *all += count)
    }

    fn names(&self) -> Vec<String> {
        self.table.by_name().into_iter().map(|(name, _)| name.to_string()).collect()
    }
}

#[test]
fn the_heaviest_candidates_get_the_free_slots() {
    let mut fixture = Fixture::new(0);
    fixture.seal(10, &[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    assert_eq!(fixture.names(), ["b", "c", "d"]);
}

#[test]
fn a_heavier_name_takes_the_slot_of_the_lightest() {
    let mut fixture = Fixture::new(0);
    fixture.seal(10, &[("a", 5), ("b", 0), ("c", 5)]);
    let replaced = fixture.seal(11, &[("d", 1), ("b", 0)]);
    assert_eq!((fixture.names(), replaced), (vec_of("acd"), fixture.table.find(hash_of("d"))));
    assert_eq!(fixture.table.by_name()[2], ("d", &1), "it is counted from its first bucket");
}

#[test]
fn where_only_idle_names_give_way_weight_decides_nothing_but_the_free_slots() {
    let mut fixture = Fixture { eviction: Eviction::Idle, ..Fixture::new(0) };
    fixture.seal(10, &[("a", 1), ("b", 1), ("c", 1), ("d", 2)]);
    let names = fixture.names();
    assert!(names.contains(&"d".to_string()));
    fixture.seal(11, &[("a", 9), ("b", 9), ("c", 9), ("d", 9)]);
    assert_eq!(fixture.names(), names);
}

#[test]
fn lighter_names_weaken_the_lightest_until_one_outweighs_it() {
    let mut fixture = Fixture::new(0);
    fixture.seal(10, &[("a", 5), ("b", 4), ("c", 5)]);
    fixture.seal(11, &[("d", 3)]);
    assert_eq!(fixture.names(), vec_of("abc"));
    fixture.seal(12, &[("d", 3)]);
    assert_eq!(fixture.names(), vec_of("acd"));
}

#[test]
fn while_older_buckets_are_open_a_slot_keeps_its_name() {
    let mut fixture = Fixture::new(1);
    fixture.seal(10, &[("a", 5), ("b", 0), ("c", 5)]);
    for bucket in [11, 12] {
        fixture.seal(bucket, &[("b", 0)]);
    }
    assert_eq!(fixture.seal(13, &[("d", 1)]), None, "bucket 14 may be open, and knows b");
    let hash = hash_of("b");
    assert_eq!(
        (fixture.table.find_at(hash, 12), fixture.table.find_at(hash, 13)),
        (fixture.table.find(hash), None)
    );
    let replaced = fixture.seal(14, &[]);
    assert_eq!((fixture.names(), replaced), (vec_of("acd"), fixture.table.find(hash_of("d"))));
    assert_eq!(fixture.table.find_at(hash_of("d"), 13), None, "bucket 15 may be open, and does not know d");
}

#[test]
fn an_idle_name_gives_way_to_any_other_and_stays_if_it_comes_back() {
    let fill = |fixture: &mut Fixture| {
        fixture.seal(10, &[("a", 0), ("b", 0), ("c", 0)]);
        fixture.seal(11, &[("c", 0)]);
        for bucket in (12..500).step_by(20) {
            fixture.seal(bucket, &[("a", 0), ("b", 0)]);
        }
        assert_eq!(fixture.seal(500, &[("d", 0)]), None, "d is seen for the first time");
    };
    let mut fixture = Fixture::new(1);
    fill(&mut fixture);
    fixture.seal(502, &[("d", 0), ("a", 0)]);
    assert_eq!(fixture.names(), vec_of("abd"));
    let mut fixture = Fixture::new(1);
    fill(&mut fixture);
    fixture.seal(502, &[("c", 0), ("d", 0)]);
    assert_eq!(fixture.names(), vec_of("abc"));
    assert_eq!(fixture.table.find_at(hash_of("c"), 502), fixture.table.find(hash_of("c")));
}

#[test]
fn weights_are_halved_every_six_minutes() {
    let mut fixture = Fixture::new(0);
    fixture.seal(10, &[("a", 9), ("b", 9), ("c", 8)]);
    fixture.table.age(10, 35);
    assert_eq!(fixture.seal(35, &[("d", 7)]), None);
    fixture.table.age(35, 36);
    assert!(fixture.seal(36, &[("d", 5)]).is_some());
}

fn vec_of(names: &str) -> Vec<String> {
    names.chars().map(|name| format!("{name}")).collect()
}
