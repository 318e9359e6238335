//! Values that have names on a command line and in `CONFIG`.

/// The name that a table gives a value; empty: none.
pub fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name)
}

/// The one of `names` that a misspelt `name` was meant to be: at most one letter in three differs.
pub fn near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| {
        // Levenshtein, a row at a time.
        let mut row: Vec<usize> = (0..=other.len()).collect();
        for (at, letter) in name.bytes().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], at + 1);
            for (place, byte) in other.bytes().enumerate() {
                let replaced = diagonal + usize::from(letter != byte);
                diagonal = row[place + 1];
                row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
            }
        }
        row[other.len()]
    };
    let nearest = names.into_iter().min_by_key(|other| distance(other))?;
    (distance(nearest) <= name.len() / 3).then_some(nearest)
}
