//! Objects of the configuration, each declared by one table of its fields.

use super::error::ConfigError;
use super::field::Field;

/// The fields of an object; [`config_fields!`](crate::config_fields) implements them.
pub trait Fields {
    /// Returns the names of all fields, in the order in which an error lists them.
    fn names(&self) -> &'static [&'static str];

    /// Reads the field `key`; returns false if it does not exist.
    ///
    /// # Errors
    ///
    /// Names the field, the value found and the values it takes.
    fn set(&mut self, key: &str, field: &Field<'_>) -> Result<bool, ConfigError>;

    /// Reads all fields of `object`.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set), and for a field that does not exist.
    fn read(&mut self, object: &Field<'_>) -> Result<(), ConfigError> {
        object.each(&mut |key, field| {
            let is_known = self.set(key, field)?;
            if is_known { Ok(()) } else { Err(field.unknown(self.names())) }
        })
    }
}

/// Declares an object of the configuration: a struct whose fields each have a type, a default and a reader, which returns the
/// value or the error that says what the field takes. The keys in the document are the fields' names.
///
/// ```
/// use nearmiss::config::{Config, Field};
///
/// nearmiss::config_fields! {
///     /// The section `lamp`.
///     pub struct LampConfig {
///         /// Switches the lamp on.
///         on: bool = false, Field::flag;
///         /// Brightness in percent.
///         brightness: u32 = 50, |field| field.number(1..=100);
///     }
/// }
///
/// let mut lamp = LampConfig::default();
/// Config::parse_with_sections(r#"{"lamp":{"on":true}}"#, &mut [("lamp", &mut lamp)])?;
/// assert_eq!(lamp, LampConfig { on: true, brightness: 50 });
/// let error = Config::parse_with_sections(r#"{"lamp":{"brightness":0}}"#, &mut [("lamp", &mut lamp)]).unwrap_err();
/// assert_eq!(error.to_string(), "`lamp.brightness` is 0; it takes 1 to 100");
/// # Ok::<(), nearmiss::ConfigError>(())
/// ```
#[macro_export]
macro_rules! config_fields {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $object:ident {
            $($(#[$doc:meta])* $field:ident: $kind:ty = $default:expr, $read:expr;)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $object {
            $($(#[$doc])* $visibility $field: $kind,)+
        }

        impl ::core::default::Default for $object {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::config::Fields for $object {
            fn names(&self) -> &'static [&'static str] {
                &[$(::core::stringify!($field)),+]
            }

            fn set(
                &mut self,
                key: &str,
                field: &$crate::config::Field<'_>,
            ) -> ::core::result::Result<bool, $crate::config::ConfigError> {
                let read = match key {
                    $(::core::stringify!($field) => field.read_into(&mut self.$field, $read),)+
                    _ => return Ok(false),
                };
                read.map(|()| true)
            }
        }
    };
}
