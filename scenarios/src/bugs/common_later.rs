//! A value that comes later, from another thread.

use eagain_net::Kernel;
use eagain_net::sync::{Condvar, Mutex};
use std::sync::Arc;

/// Set once, and waited for.
pub struct Later<K: Kernel, T> {
    value: Mutex<K, Option<T>>,
    is_there: Condvar<K>,
}

impl<K: Kernel, T: Clone> Later<K, T> {
    /// Not there yet.
    pub fn new(k: K) -> Arc<Later<K, T>> {
        Arc::new(Later { value: Mutex::new(k, None), is_there: Condvar::new(k) })
    }

    /// It is there.
    pub fn set(&self, value: T) {
        *self.value.lock() = Some(value);
        self.is_there.notify_all();
    }

    /// Waits for it.
    pub fn get(&self) -> T {
        let mut value = self.value.lock();
        loop {
            match &*value {
                Some(value) => return value.clone(),
                None => value = self.is_there.wait(value),
            }
        }
    }
}
