//! Globals of a single-threaded module.

/// Defines a thread-local value; in a module, which has one thread, it is a plain global.
#[macro_export]
macro_rules! local {
    (static $name:ident: $kind:ty = $value:expr;) => {
        #[cfg(target_arch = "wasm32")]
        static $name: $crate::Local<$kind> = $crate::Local::new($value);
        #[cfg(not(target_arch = "wasm32"))]
        std::thread_local! {
            static $name: $kind = const { $value };
        }
    };
}

#[cfg(target_feature = "atomics")]
compile_error!("`Local` requires a single thread");

/// A global of a single-threaded module.
#[cfg(any(test, target_arch = "wasm32"))]
#[derive(Debug)]
pub struct Local<T>(T);

// SAFETY: a module without the feature `atomics` has one thread, so no value is shared between threads. On other targets only
// tests use this type, and each value stays on the thread that created it.
#[cfg(any(test, target_arch = "wasm32"))]
unsafe impl<T> Sync for Local<T> {}

#[cfg(any(test, target_arch = "wasm32"))]
impl<T> Local<T> {
    /// Creates the global with its initial value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Calls `body` with the value.
    pub fn with<R>(&self, body: impl FnOnce(&T) -> R) -> R {
        body(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Local;
    use core::cell::Cell;

    static COUNT: Local<Cell<u32>> = Local::new(Cell::new(1));

    local! {
        static NAME: Cell<u32> = Cell::new(3);
    }

    #[test]
    fn a_value_persists_between_calls() {
        COUNT.with(|count| count.set(count.get() + 1));
        assert_eq!(COUNT.with(Cell::get), 2);
    }

    #[test]
    fn the_macro_defines_one_value_per_thread() {
        NAME.with(|value| value.set(5));
        assert_eq!(NAME.with(Cell::get), 5);
    }
}
