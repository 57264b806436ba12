//! Patterns of episodes, in their order of precedence.

macro_rules! patterns {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// Pattern of an episode; earlier variants take precedence.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Pattern {
            $(#[doc = $doc] $variant,)*
        }

        impl Pattern {
            /// Number of patterns.
            pub const COUNT: usize = [$($name),*].len();
            /// All patterns, strongest first.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant),*];

            /// Returns the name in records and metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

patterns! {
    Deviant "deviant" "A whole day differs from the reference."
    Correlated "correlated" "Several upstreams at once."
    Recurring "recurring" "The same blip, recurring."
    Storm "storm" "A retry storm: attempts per exchange rise."
    Concentrated "concentrated" "Concentrated on one host or one route."
    Creeping "creeping" "The tail grows slowly."
    Sustained "sustained" "A run that lasts."
    Burst "burst" "A short run that recovered."
}

impl Pattern {
    /// Returns the pattern with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_the_strongest_sorts_first() {
        for (index, pattern) in Pattern::ALL.into_iter().enumerate() {
            assert_eq!((pattern as usize, Pattern::from_name(pattern.name())), (index, Some(pattern)));
        }
        assert!(Pattern::ALL.is_sorted());
        assert_eq!(Pattern::from_name("calm"), None);
    }
}
