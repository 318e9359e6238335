//! What a misspelt name was meant to be.

/// The one of `names` that is nearest to `name`, where it is near enough to be meant: at most one letter in three differs, and
/// one more.
pub(crate) fn near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = names.into_iter().min_by_key(|other| distance(name, other))?;
    (distance(name, nearest) <= 1 + name.len() / 3).then_some(nearest)
}

/// How many letters differ (Levenshtein).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_is_meant_where_it_is_near() {
        assert_eq!([distance("abc", "abc"), distance("abc", "acb"), distance("", "abc")], [0, 2, 3]);
        assert_eq!(near("sise", ["clients", "size"]), Some("size"));
        assert_eq!(near("sise", ["clients"]), None);
    }
}
