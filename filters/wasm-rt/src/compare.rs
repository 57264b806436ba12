//! The order of bytes: what the compiler calls and `wasm32-wasip1` leaves to a C library, here eight bytes at a time.

/// The order of `count` bytes.
///
/// # Safety
///
/// Both must point at as many bytes.
#[cfg_attr(target_os = "wasi", unsafe(no_mangle))]
#[inline(never)] // it would be in a hundred places
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: for places up to eight below `count`, eight bytes are within what the caller promises.
    let words = |at: usize| unsafe {
        (a.add(at).cast::<u64>().read_unaligned(), b.add(at).cast::<u64>().read_unaligned())
    };
    // SAFETY: the same for places up to four below.
    let halves = |at: usize| unsafe {
        (a.add(at).cast::<u32>().read_unaligned(), b.add(at).cast::<u32>().read_unaligned())
    };
    let order = |(a, b): (u64, u64)| if a.swap_bytes() < b.swap_bytes() { -1 } else { 1 };
    let mut at = 0;
    if count >= 8 {
        while at + 8 < count {
            let (word_a, word_b) = words(at);
            if word_a != word_b {
                return order((word_a, word_b));
            }
            at += 8;
        }
        // The last eight, some of them for the second time.
        let (word_a, word_b) = words(count - 8);
        return if word_a == word_b { 0 } else { order((word_a, word_b)) };
    }
    if count >= 4 {
        let (first, last) = (halves(0), halves(count - 4));
        if first.0 == first.1 && last.0 == last.1 {
            return 0;
        }
    }
    while at < count {
        // SAFETY: `at` is below `count`.
        let (byte_a, byte_b) = unsafe { (a.add(at).read(), b.add(at).read()) };
        if byte_a != byte_b {
            return i32::from(byte_a) - i32::from(byte_b);
        }
        at += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::memcmp;
    use core::cmp::Ordering;
    use std::vec;

    #[test]
    fn the_order_is_that_of_slices_at_every_length_and_place() {
        for count in 0..40 {
            let equal = vec![7_u8; count];
            assert_eq!(order(&equal, &equal.clone()), Ordering::Equal);
            for place in 0..count {
                for byte in [0, 6, 8, 0x80, 0xFF] {
                    let mut other = equal.clone();
                    other[place] = byte;
                    // What comes after the first difference must not matter.
                    if let Some(last) = other.last_mut().filter(|_| place + 1 < count) {
                        *last = 255 - byte;
                    }
                    assert_eq!(order(&equal, &other), equal.cmp(&other), "{place} of {count} is {byte}");
                    assert_eq!(order(&other, &equal), other.cmp(&equal), "{place} of {count} is {byte}");
                }
            }
        }
    }

    fn order(a: &[u8], b: &[u8]) -> Ordering {
        // SAFETY: both point at as many bytes.
        unsafe { memcmp(a.as_ptr(), b.as_ptr(), a.len()) }.cmp(&0)
    }
}
