//! Values that have names on a command line and in `CONFIG`.

/// The name that a table gives a value; empty: none.
pub fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name)
}
