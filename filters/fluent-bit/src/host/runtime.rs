//! What the standard library would bring along, for a module that has one thread and nobody to tell of a panic.
//!
//! Nothing in this module is meant to panic. If something does, the call traps, as it would with the standard library, but
//! the texts that nobody would read do not ship.

/// Defines a value that each thread has for itself; in the module there is one thread.
macro_rules! local {
    (static $name:ident: $kind:ty = $value:expr;) => {
        #[cfg(target_arch = "wasm32")]
        static $name: $crate::host::Local<$kind> = $crate::host::Local::new($value);
        #[cfg(not(target_arch = "wasm32"))]
        std::thread_local! {
            static $name: $kind = const { $value };
        }
    };
}

pub(crate) use local;

#[cfg(target_arch = "wasm32")]
pub(crate) use module::Local;

#[cfg(target_arch = "wasm32")]
mod module {
    use dlmalloc::GlobalDlmalloc;

    #[global_allocator]
    static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }

    #[cfg(target_feature = "atomics")]
    compile_error!("`Local` relies on there being one thread");

    /// A value of the only thread.
    pub(crate) struct Local<T>(T);

    // SAFETY: without the feature `atomics` a module has one thread, so nothing is ever shared between two.
    unsafe impl<T> Sync for Local<T> {}

    impl<T> Local<T> {
        /// The value at the start.
        pub(crate) const fn new(value: T) -> Self {
            Self(value)
        }

        /// Does something with the value.
        pub(crate) fn with<R>(&self, body: impl FnOnce(&T) -> R) -> R {
            body(&self.0)
        }
    }
}

/// What the compiler calls and the target leaves to a C library: comparing memory, here eight bytes at a time.
#[cfg(target_arch = "wasm32")]
mod memory {
    /// The order of `count` bytes.
    ///
    /// # Safety
    ///
    /// Both must point at as many bytes.
    #[unsafe(no_mangle)]
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
}
