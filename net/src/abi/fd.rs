//! Descriptors and the flags that they carry.

use std::fmt;

/// A file descriptor: an index into the process's table, nothing more. Owning one is the handles' business.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fd(pub i32);

impl fmt::Debug for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Defines a set of flags over an integer with Linux's bit values, and how it prints in a trace.
macro_rules! flags {
    ($(#[$outer:meta])* $name:ident: $repr:ty { $($(#[$inner:meta])* $flag:ident = $value:expr, $text:literal;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $repr);

        impl $name {
            /// No flag.
            pub const NONE: $name = $name(0);
            $($(#[$inner])* pub const $flag: $name = $name($value);)*
            /// Each flag with its name.
            pub const NAMES: &'static [(u32, &'static str)] = &[$(($name::$flag.0 as u32, $text),)*];

            /// Whether every bit of `other` is set here.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is set here.
            pub const fn intersects(self, other: $name) -> bool {
                self.0 & other.0 != 0
            }

            /// These bits and those of `other`.
            pub const fn with(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }

            /// These bits without those of `other`.
            pub const fn without(self, other: $name) -> $name {
                $name(self.0 & !other.0)
            }

            /// Whether no bit is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = $name;
            fn bitor(self, other: $name) -> $name {
                self.with(other)
            }
        }

        impl std::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: $name) {
                *self = self.with(other);
            }
        }

        impl std::ops::BitAnd for $name {
            type Output = $name;
            fn bitand(self, other: $name) -> $name {
                $name(self.0 & other.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut rest = self.0 as u32;
                let mut first = true;
                for &(flag, text) in $name::NAMES {
                    if rest & flag == flag {
                        if !first { f.write_str("|")?; }
                        f.write_str(text)?;
                        first = false;
                        rest &= !flag;
                    }
                }
                if rest != 0 {
                    if !first { f.write_str("|")?; }
                    return write!(f, "{rest:#x}");
                }
                if first { f.write_str("0")?; }
                Ok(())
            }
        }
    };
}
pub(crate) use flags;

flags! {
    /// The status flags of an open file description (`fcntl(2)`, `F_GETFL`).
    StatusFlags: i32 {
        /// Calls return at once with `EAGAIN` where they would wait.
        NONBLOCK = 0o4000, "O_NONBLOCK";
        /// A signal reports readiness (`F_SETOWN`, `F_SETSIG`).
        ASYNC = 0o20000, "O_ASYNC";
    }
}

flags! {
    /// How `open(2)` opens a file.
    OpenFlags: i32 {
        /// Write only.
        WRONLY = 1, "O_WRONLY";
        /// Read and write.
        RDWR = 2, "O_RDWR";
        /// Create it where it is absent.
        CREAT = 0o100, "O_CREAT";
        /// With `CREAT`: fail with `EEXIST` where it is there.
        EXCL = 0o200, "O_EXCL";
        /// Truncate it to length 0.
        TRUNC = 0o1000, "O_TRUNC";
        /// Each `write` goes to the end.
        APPEND = 0o2000, "O_APPEND";
        /// It must be a directory (for `fsync` of one).
        DIRECTORY = 0o200000, "O_DIRECTORY";
        /// Closed on `execve(2)`; always set by the handles.
        CLOEXEC = 0o2000000, "O_CLOEXEC";
    }
}
