//! Panics of simulated threads: kept as the failure's text instead of printed where they happen.

use crate::stack;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    /// The text of the panic that is unwinding on this OS thread. Never read by anything that a run depends on.
    static MESSAGE: RefCell<Option<String>> = const { RefCell::new(None) };
    static CAPTURED: Cell<bool> = const { Cell::new(false) };
}

/// Panics within `f` are kept, not printed.
pub(crate) fn captured<R>(f: impl FnOnce() -> R) -> R {
    CAPTURED.set(true);
    MESSAGE.set(None);
    let result = f();
    CAPTURED.set(false);
    result
}

/// Installs the hook, once a process: a panic inside a world is kept, one outside is printed as ever.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !stack::inside() && !CAPTURED.get() {
                return previous(info);
            }
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or("a panic without a text");
            let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
            let message = format!("{text} ({place})");
            // A panic while another unwinds ends the process: nobody will ask for these texts.
            if let Some(first) = MESSAGE.replace(Some(message.clone())) {
                eprintln!("panicked: {first}\nwhile that unwinds: {message}");
            }
        }));
    });
}

/// The text of the panic that was just caught.
pub(crate) fn take_message(payload: &(dyn Any + Send)) -> String {
    MESSAGE.take().unwrap_or_else(|| {
        payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a text".to_owned())
    })
}

/// The text of a panic that was caught by somebody else since the last one was taken.
pub(crate) fn take_any_message() -> Option<String> {
    MESSAGE.take()
}
