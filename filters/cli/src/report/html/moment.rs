//! Times: in UTC, which the script supplements with the reader's own time.

use crate::display::time::{DateTime, TimeOfDay};
use maud::{Markup, html};

/// Renders a date and time; milliseconds since 1970.
pub(super) fn date_time(millis: u64) -> Markup {
    html! { time data-t=(millis) { (DateTime(millis).to_string()) } }
}

/// Renders a time of day; milliseconds since 1970.
pub(super) fn time_of_day(millis: u64) -> Markup {
    html! { time data-t=(millis) { (TimeOfDay(millis).to_string()) } }
}
