//! Envoy's response flags, in their textual and numeric form.
//!
//! Names and bit order are those of Envoy's `ResponseFlag` (`response.flags` is the sum of `1 << bit`). Flags
//! registered by extensions have names of their own and no bit; they are ignored.

use crate::bit_set::bit_set;
use alloc::string::String;

bit_set! {
    /// A set of response flags.
    Flags:
    0 "LH" LH "The answer of the health check filter.";
    1 "UH" UH "No healthy host.";
    2 "UT" UT "The upstream did not answer in time.";
    3 "LR" LR "Reset by the proxy itself.";
    4 "UR" UR "Reset by the upstream.";
    5 "UF" UF "The connection could not be made.";
    6 "UC" UC "The connection was closed.";
    7 "UO" UO "A circuit breaker or the retry budget was open.";
    8 "NR";
    9 "DI";
    10 "FI" FI "A fault was injected on purpose.";
    11 "RL" RL "A rate limit was exceeded.";
    12 "UAEX";
    13 "RLSE" RLSE "The rate limit service could not be asked.";
    14 "DC" DC "The client went away.";
    15 "URX" URX "No attempts were left.";
    16 "SI" SI "Stream idle timeout.";
    17 "IH";
    18 "DPE";
    19 "UMSDR" UMSDR "Maximum stream duration reached.";
    20 "RFCF";
    21 "NFCF";
    22 "DT" DT "The exchange took longer than its deadline.";
    23 "UPE" UPE "The upstream broke the protocol.";
    24 "NC" NC "The route's cluster does not exist.";
    25 "OM" OM "The overload manager shed the request.";
    26 "DF" DF "The upstream's name could not be resolved.";
    27 "DO";
    28 "DR" DR "The client reset its stream.";
}

/// The long names of all flags, those of `%RESPONSE_FLAGS_LONG%`, in the order of their bits.
const LONG_NAMES: [&str; Flags::COUNT] = [
    "FailedLocalHealthCheck",
    "NoHealthyUpstream",
    "UpstreamRequestTimeout",
    "LocalReset",
    "UpstreamRemoteReset",
    "UpstreamConnectionFailure",
    "UpstreamConnectionTermination",
    "UpstreamOverflow",
    "NoRouteFound",
    "DelayInjected",
    "FaultInjected",
    "RateLimited",
    "UnauthorizedExternalService",
    "RateLimitServiceError",
    "DownstreamConnectionTermination",
    "UpstreamRetryLimitExceeded",
    "StreamIdleTimeout",
    "InvalidEnvoyRequestHeaders",
    "DownstreamProtocolError",
    "UpstreamMaxStreamDurationReached",
    "ResponseFromCacheFilter",
    "NoFilterConfigFound",
    "DurationTimeout",
    "UpstreamProtocolError",
    "NoClusterFound",
    "OverloadManagerTerminated",
    "DnsResolutionFailed",
    "DropOverload",
    "DownstreamRemoteReset",
];

/// Groups of flags that have one meaning: judging knows these, so a new flag is judged by the groups that it joins.
impl Flags {
    /// A policy of the proxy turned the exchange away.
    pub(crate) const POLICY: Self = Self::RL.with(Self::FI);
    /// A limit of the proxy was in the way.
    pub(crate) const OVERLOAD: Self = Self::UO.with(Self::OM);
    /// There was no host to send the request to.
    pub(crate) const NO_HOST: Self = Self::UH.with(Self::NC);
    /// No connection was made.
    pub(crate) const NO_CONNECTION: Self = Self::UF.with(Self::DF);
    /// A timeout ended the exchange or an attempt.
    pub(crate) const TIMED_OUT: Self = Self::UT.with(Self::DT).with(Self::SI).with(Self::UMSDR);
    /// The connection or the stream ended early.
    pub(crate) const RESET: Self = Self::UC.with(Self::UR).with(Self::LR);
    /// The client went away.
    pub(crate) const CLIENT_GONE: Self = Self::DC.with(Self::DR);

    /// Flags that mean a truncated response if it had begun.
    pub const CUT_OFF: Self = Self::UT
        .with(Self::LR)
        .with(Self::UR)
        .with(Self::UC)
        .with(Self::SI)
        .with(Self::UMSDR)
        .with(Self::DT)
        .with(Self::UPE);

    /// Flags that mean a failed attempt, whatever became of the exchange.
    pub const FAILED_ATTEMPT: Self =
        Self::UT.with(Self::UR).with(Self::UF).with(Self::UC).with(Self::UPE).with(Self::URX);
}

impl Flags {
    /// Returns the flags of Envoy's number.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits as u32 & ((1 << Self::COUNT) - 1))
    }

    /// Parses a list such as `UF,URX`; `-`, the empty text and names that Envoy itself does not have are ignored.
    pub fn parse(text: &str) -> Self {
        let mut bits = 0;
        for name in text.split(',') {
            let name = name.trim_ascii();
            if let Some(bit) = Self::NAMES.iter().position(|known| *known == name) {
                bits |= 1 << bit;
            }
        }
        Self(bits)
    }

    /// Returns the flag with this long name; empty if Envoy itself has none.
    pub fn from_long_name(name: &str) -> Self {
        LONG_NAMES.iter().position(|known| *known == name).map_or(Self::default(), |bit| Self(1 << bit))
    }

    /// Appends the short names of the flags that are set, `UF,URX`.
    pub fn push_names(self, out: &mut String) {
        for (index, name) in self.names().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            out.push_str(name);
        }
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
        assert_eq!(Flags::from_long_name("UpstreamRetryLimitExceeded"), Flags::URX);
        assert!(Flags::from_long_name("URX").is_empty());
    }

    #[test]
    fn a_flag_of_an_extension_is_passed_over() {
        assert_eq!(Flags::parse("my-flag,DC"), Flags::DC);
        assert_eq!(Flags::from_bits(u64::MAX).names().count(), Flags::COUNT);
    }
}
