//! Envoy's response flags, in their textual and numeric form.
//!
//! Names and bit order are those of Envoy's `ResponseFlag` (`response.flags` is the sum of `1 << bit`). Flags
//! registered by extensions have names of their own and no bit; they are ignored.

use alloc::string::String;

/// A set of response flags.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(u32);

/// Short names in Envoy's bit order.
const NAMES: [&str; 29] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
];

impl Flags {
    /// The answer of the health check filter.
    pub const LH: Self = Self(1);
    /// No healthy host.
    pub const UH: Self = Self(1 << 1);
    /// The upstream did not answer in time.
    pub const UT: Self = Self(1 << 2);
    /// Reset by the proxy itself.
    pub const LR: Self = Self(1 << 3);
    /// Reset by the upstream.
    pub const UR: Self = Self(1 << 4);
    /// The connection could not be made.
    pub const UF: Self = Self(1 << 5);
    /// The connection was closed.
    pub const UC: Self = Self(1 << 6);
    /// A circuit breaker or the retry budget was open.
    pub const UO: Self = Self(1 << 7);
    /// A fault was injected on purpose.
    pub const FI: Self = Self(1 << 10);
    /// A rate limit was exceeded.
    pub const RL: Self = Self(1 << 11);
    /// The rate limit service could not be asked.
    pub const RLSE: Self = Self(1 << 13);
    /// The client went away.
    pub const DC: Self = Self(1 << 14);
    /// The client reset its stream.
    pub const DR: Self = Self(1 << 28);
    /// No attempts were left.
    pub const URX: Self = Self(1 << 15);
    /// Stream idle timeout.
    pub const SI: Self = Self(1 << 16);
    /// Maximum stream duration reached.
    pub const UMSDR: Self = Self(1 << 19);
    /// The exchange took longer than its deadline.
    pub const DT: Self = Self(1 << 22);
    /// The upstream broke the protocol.
    pub const UPE: Self = Self(1 << 23);
    /// The route's cluster does not exist.
    pub const NC: Self = Self(1 << 24);
    /// The upstream's name could not be resolved.
    pub const DF: Self = Self(1 << 26);
    /// The overload manager shed the request.
    pub const OM: Self = Self(1 << 25);

    /// Flags that mean a truncated response if it had begun.
    pub const CUT_OFF: Self = Self(
        Self::UT.0
            | Self::LR.0
            | Self::UR.0
            | Self::UC.0
            | Self::SI.0
            | Self::UMSDR.0
            | Self::DT.0
            | Self::UPE.0,
    );

    /// Flags that mean a failed attempt, whatever became of the exchange.
    pub const FAILED_ATTEMPT: Self =
        Self(Self::UT.0 | Self::UR.0 | Self::UF.0 | Self::UC.0 | Self::UPE.0 | Self::URX.0);

    /// Returns the flags of Envoy's number.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits as u32 & ((1 << NAMES.len()) - 1))
    }

    /// Parses a list such as `UF,URX`; `-`, the empty text and names that Envoy itself does not have are ignored.
    pub fn parse(text: &str) -> Self {
        let mut bits = 0;
        for name in text.split(',') {
            let name = name.trim_ascii();
            if let Some(bit) = NAMES.iter().position(|known| *known == name) {
                bits |= 1 << bit;
            }
        }
        Self(bits)
    }

    /// Returns true if any flag of `other` is set.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns true if no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Appends the short names of the flags that are set, `UF,URX`.
    pub fn push_names(self, out: &mut String) {
        for (index, name) in self.names().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            out.push_str(name);
        }
    }

    /// Returns the short names of the flags that are set, in Envoy's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_say_the_same() {
        let both = Flags::UF.with(Flags::URX);
        assert_eq!(Flags::parse("UF,URX"), both);
        assert_eq!(Flags::from_bits(1 << 5 | 1 << 15), both);
        assert!(Flags::parse("-").is_empty() && Flags::parse("").is_empty());
        assert_eq!(both.names().collect::<alloc::vec::Vec<_>>(), ["UF", "URX"]);
    }

    #[test]
    fn a_flag_of_an_extension_is_passed_over() {
        assert_eq!(Flags::parse("my-flag,DC"), Flags::DC);
        assert_eq!(Flags::from_bits(u64::MAX).names().count(), NAMES.len());
    }
}
