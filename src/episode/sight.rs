//! What the engine is told of one exchange.

/// Kinds of signals there are.
pub(super) const SIGNALS: usize = 16;

/// The outcome of an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Fate { Clean, Slow, Tight, ClientRetried, Retried, Failover, Stale, Fallback, Partial, Failed }

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signals(pub u16);
#[allow(missing_docs)]
impl Signals {
    pub const RETRY: u16 = 1;
    pub const FALLBACK: u16 = 2;
    pub const STALE: u16 = 4;
    pub const FAILOVER: u16 = 8;
    pub const HEDGE: u16 = 16;
    pub const TIMEOUT: u16 = 1 << 7;
    pub const ABORTED: u16 = 1 << 15;
    pub fn bits(self) -> u16 { self.0 }
}

/// One exchange as the engine sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The second of its bucket in which it completed, 0 to 9.
    pub second: u8,
    /// Its fate.
    pub fate: Fate,
    /// Its signals.
    pub signals: Signals,
    /// The room it had left.
    pub margin_bp: Option<u16>,
    /// Attempts it took.
    pub attempts: u32,
    /// The slot of its route, `None` for one that is not in the table.
    pub route: Option<u8>,
    /// The attempts that are known.
    pub tries: &'a [Try],
}

/// One attempt as the engine sees it.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// The slot of its host, `None` for one that is not in the table.
    pub host: Option<u8>,
    /// It got no answer, a bad one, or the fallback answered in its stead.
    pub failed: bool,
    /// log2 of its microseconds in 1/256 octave; `None` where unknown or not to be learned from.
    pub log2: Option<u16>,
    /// The share of its timeout that it used.
    pub timeout_used_bp: Option<u16>,
}

impl Sight<'_> {
    pub(super) fn aborted(&self) -> bool {
        self.signals.bits() & Signals::ABORTED != 0
    }

    pub(super) fn fell_back(&self) -> bool {
        matches!(self.fate, Fate::Fallback | Fate::Stale | Fate::Failover)
    }

    pub(super) fn first_try(&self) -> bool {
        const NETS: u16 = Signals::RETRY | Signals::FALLBACK | Signals::STALE | Signals::FAILOVER | Signals::HEDGE;
        self.fate != Fate::Failed && self.attempts <= 1 && self.signals.bits() & NETS == 0
    }
}
