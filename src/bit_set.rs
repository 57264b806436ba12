//! Sets of named flags in one integer.

/// Defines a set type from a table with a row per member: its bit, its name, and optionally a public constant with its documentation.
macro_rules! bit_set {
    ($(#[$attribute:meta])* $set:ident: $($bit:literal $name:literal $($constant:ident $doc:literal)?;)*) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub struct $set(u32);

        // Each of the lowest `COUNT` bits has one row.
        const _: () = assert!($(1_u64 << $bit)|* == (1 << $set::COUNT) - 1);

        impl $set {
            $($(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)?)*
            /// Names of all members, in the order of their bits.
            pub const NAMES: [&'static str; Self::COUNT] = {
                let mut names = [""; Self::COUNT];
                $(names[$bit] = $name;)*
                names
            };
            /// Number of members.
            pub const COUNT: usize = [$($bit),*].len();

            /// Returns true if any member of `other` is set.
            pub const fn any(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Returns true if no member is set.
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

            /// Returns the names of the members that are set, in the order of their bits.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::NAMES.iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name)
            }
        }
    };
}

pub(crate) use bit_set;
