//! Values of the only thread.

/// Defines a value that each thread has for itself; in a module there is one thread.
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
compile_error!("`Local` relies on there being one thread");

/// A value of the only thread.
#[cfg(any(test, target_arch = "wasm32"))]
#[derive(Debug)]
pub struct Local<T>(T);

// SAFETY: a module without the feature `atomics` has one thread, so nothing is ever shared between two; elsewhere there are
// only tests, which keep each value to the thread that made it.
#[cfg(any(test, target_arch = "wasm32"))]
unsafe impl<T> Sync for Local<T> {}

#[cfg(any(test, target_arch = "wasm32"))]
impl<T> Local<T> {
    /// The value at the start.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Does something with the value.
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
    fn a_value_stays_from_call_to_call() {
        COUNT.with(|count| count.set(count.get() + 1));
        assert_eq!(COUNT.with(Cell::get), 2);
    }

    #[test]
    fn a_name_stands_for_one_value_of_the_thread() {
        NAME.with(|value| value.set(5));
        assert_eq!(NAME.with(Cell::get), 5);
    }
}
