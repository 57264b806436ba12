//! `memcmp`, eight bytes at a time: the compiler emits calls to it, and on `wasm32-wasip1` a C library would define it.
//!
//! A loop that the compiler took for a comparison would call itself without end. `the_compiled_memcmp_compares_and_does_not_call_itself`
//! (`host-tests/sim/tests/fluent_bit_filter/memcmp.rs`) calls the compiled function. `no_builtins` in a crate of its own would forbid such a call,
//! but makes the module 1 KiB larger.

/// Compares `count` bytes: negative, zero or positive if `a` is less than, equal to or greater than `b`.
///
/// # Safety
///
/// Both pointers must be valid for reads of `count` bytes.
#[cfg_attr(target_os = "wasi", unsafe(no_mangle))]
#[inline(never)] // about a hundred callers
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: every `at` is at most `count - 8`, so these eight bytes are within the caller's promise.
    let words = |at: usize| unsafe {
        (a.add(at).cast::<u64>().read_unaligned(), b.add(at).cast::<u64>().read_unaligned())
    };
    // SAFETY: every `at` is at most `count - 4`.
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
        // The last eight bytes; some were already compared.
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
    fn the_order_is_that_of_slices_at_every_length_and_position() {
        for count in 0..40 {
            let equal = vec![7_u8; count];
            assert_eq!(order(&equal, &equal.clone()), Ordering::Equal);
            for index in 0..count {
                for byte in [0, 6, 8, 0x80, 0xFF] {
                    let mut other = equal.clone();
                    other[index] = byte;
                    // Bytes after the first difference must not matter.
                    if let Some(last) = other.last_mut().filter(|_| index + 1 < count) {
                        *last = 255 - byte;
                    }
                    assert_eq!(order(&equal, &other), equal.cmp(&other), "byte {index} of {count} is {byte}");
                    assert_eq!(order(&other, &equal), other.cmp(&equal), "byte {index} of {count} is {byte}");
                }
            }
        }
    }

    fn order(a: &[u8], b: &[u8]) -> Ordering {
        // SAFETY: both slices have the same length.
        unsafe { memcmp(a.as_ptr(), b.as_ptr(), a.len()) }.cmp(&0)
    }
}
