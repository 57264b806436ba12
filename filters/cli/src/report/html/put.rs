//! The macro that writes to the page.

/// Appends formatted text to the page; writing to a `String` cannot fail.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {{
        let _ = core::fmt::Write::write_fmt($out, format_args!($($text)*));
    }};
}
pub(crate) use put;
