//! Panics of simulated threads: kept as the failure's text instead of printed where they happen.

use crate::stack;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Once;

/// A panic that was caught.
pub(crate) struct Panic {
    /// Its text, and where it was.
    pub message: String,
    /// `file:line` of the program.
    pub place: String,
}

thread_local! {
    /// The panic that is unwinding here. Never read by anything that a run depends on.
    static CAUGHT: RefCell<Option<Panic>> = const { RefCell::new(None) };
    static CAPTURED: Cell<bool> = const { Cell::new(false) };
}

/// Panics within `f` are kept, not printed.
pub(crate) fn captured<R>(f: impl FnOnce() -> R) -> R {
    CAPTURED.set(true);
    CAUGHT.set(None);
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
            if let Some(first) = CAUGHT.replace(Some(Panic { message: message.clone(), place })) {
                eprintln!("panicked: {}\nwhile that unwinds: {message}", first.message);
            }
        }));
    });
}

/// The panic that was just caught.
pub(crate) fn take(payload: &(dyn Any + Send)) -> Panic {
    CAUGHT.take().unwrap_or_else(|| {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Panic { message: text.unwrap_or("a panic without a text").to_owned(), place: "panic".to_owned() }
    })
}

/// A panic that was caught by somebody else since the last one was taken.
pub(crate) fn take_any() -> Option<Panic> {
    CAUGHT.take()
}
