//! Accelerates Prometheus rules sixty times, so that a test can run through an hour's window in a minute.

/// Speed-up factor.
const FACTOR: u64 = 60;
/// Texts that precede a duration; the `5m` in a name like `ratio_rate5m` is not one.
const PREFIXES: [&str; 4] = ["[", "offset ", "for: ", "interval: "];

/// Returns the document with every window, offset, wait and interval divided by sixty.
pub fn accelerated(document: &str) -> String {
    let (mut accelerated, mut rest) = (String::with_capacity(document.len()), document);
    while let Some(position) = next_duration(rest) {
        let (before, after) = rest.split_at(position);
        accelerated.push_str(before);
        rest = after;
        if let Some((ms, length)) = duration_ms(after) {
            accelerated.push_str(&format!("{}ms", ms / FACTOR));
            rest = &after[length..];
        }
    }
    accelerated + rest
}

/// Returns the position of the next text that may be a duration.
fn next_duration(text: &str) -> Option<usize> {
    PREFIXES.iter().filter_map(|prefix| text.find(prefix).map(|start| start + prefix.len())).min()
}

/// Parses the duration that the text begins with; returns milliseconds and the length of its text.
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
    use super::accelerated;

    #[test]
    fn durations_are_divided_by_sixty_and_names_are_unchanged() {
        let rules =
            "interval: 30s\nexpr: a:b:ratio_rate5m > 2 and sum(rate(x{y=\"[z\"}[3d] offset 1h))\nfor: 15m\n";
        let wanted = "interval: 500ms\nexpr: a:b:ratio_rate5m > 2 and sum(rate(x{y=\"[z\"}[4320000ms] offset 60000ms))\nfor: 15000ms\n";
        assert_eq!(accelerated(rules), wanted);
    }
}
