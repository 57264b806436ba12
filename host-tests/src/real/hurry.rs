//! Rules of Prometheus whose time runs sixty times as fast, so that an hour's window can be lived through in a test.

/// How much faster.
const FACTOR: u64 = 60;
/// What stands before a duration; a name like `ratio_rate5m` is none.
const BEFORE: [&str; 4] = ["[", "offset ", "for: ", "interval: "];

/// The same document with every window, offset, wait and interval divided by sixty.
pub fn hurried(document: &str) -> String {
    let (mut hurried, mut rest) = (String::with_capacity(document.len()), document);
    while let Some(place) = next_duration(rest) {
        let (before, after) = rest.split_at(place);
        hurried.push_str(before);
        rest = after;
        if let Some((ms, length)) = duration_ms(after) {
            hurried.push_str(&format!("{}ms", ms / FACTOR));
            rest = &after[length..];
        }
    }
    hurried + rest
}

/// Where a duration may begin.
fn next_duration(text: &str) -> Option<usize> {
    BEFORE.iter().filter_map(|before| text.find(before).map(|place| place + before.len())).min()
}

/// The duration that the text begins with, and how long it is written.
fn duration_ms(text: &str) -> Option<(u64, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let ms = match text.as_bytes().get(digits)? {
        b's' => 1_000,
        b'm' => 60_000,
        b'h' => 3_600_000,
        b'd' => 86_400_000,
        _ => return None,
    };
    Some((number * ms, digits + 1))
}

#[cfg(test)]
mod tests {
    use super::hurried;

    #[test]
    fn windows_shrink_and_names_stay() {
        let rules =
            "interval: 30s\nexpr: a:b:ratio_rate5m > 2 and sum(rate(x{y=\"[z\"}[3d] offset 1h))\nfor: 15m\n";
        let wanted = "interval: 500ms\nexpr: a:b:ratio_rate5m > 2 and sum(rate(x{y=\"[z\"}[4320000ms] offset 60000ms))\nfor: 15000ms\n";
        assert_eq!(hurried(rules), wanted);
    }
}
