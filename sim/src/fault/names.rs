//! The names of choices that are no family, each with what it decides; and the value of any choice as a report writes it.
//! `docs/FAULTS.md` has a row for each name.

use super::{Amount, Family, Unit};
use crate::print::{put_span, text};

/// A kind of choice that no family asks for by itself.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The domain of its choices.
    pub name: &'static str,
    /// What is chosen.
    pub about: &'static str,
    /// What the value counts.
    pub unit: Unit,
    /// The family of the fault that it says more about.
    pub more_of: Option<Family>,
}

/// All of them.
pub const NAMED: &[Named] = &[
    Named::plain("workload", "what `choose` returns: the requests of a client, lengths, pauses"),
    Named::plain("world", "what `Sim::choose` returns while the world is built"),
    Named::plain("swarm", "whether a family is active in this run, and how often it fires, of 65,536"),
    Named::plain("entropy", "32 bits that a process gets from `getrandom`"),
    Named::more("wire.gap", Family::WireSplit, Unit::Ns, "how long the rest of a split segment stays behind"),
    Named::more(
        "thread.change.to",
        Family::Change,
        Unit::Ns,
        "how much longer each call takes after the change",
    ),
    Named::more("thread.preempt.for", Family::Preempt, Unit::Ns, "how long the thread is off the processor"),
    Named::more(
        "end.after-write",
        Family::ProcessKill,
        Unit::Number,
        "the process, or the power of its host, ends right after this write to a file, instead of at a call",
    ),
    Named::more(
        "restart.delay",
        Family::ProcessKill,
        Unit::Ns,
        "how much later than usual the process begins again",
    ),
    Named::more(
        "link.partition.what",
        Family::Partition,
        Unit::Number,
        "1st: one host, by its place; 2nd: the other; 3rd: both ways or which one; 4th: the nanoseconds beyond 10 ms",
    ),
    Named::more(
        "link.swizzle.host",
        Family::Swizzle,
        Unit::Ns,
        "1st: after how long the host is cut off; 2nd: how much later than the last of all it is back",
    ),
    Named::more(
        "clock.step.by",
        Family::ClockStep,
        Unit::Number,
        "twice the nanoseconds by which the wall clock is set: forwards where odd, back where even",
    ),
    Named::more("disk.room", Family::DiskSpace, Unit::Bytes, "how much still fits on the disk that is full"),
    Named::more(
        "disk.gone",
        Family::DiskTorn,
        Unit::Number,
        "how many sectors or names are lost at the end; or which of them, a bit for each of 32",
    ),
];

impl Named {
    const fn plain(name: &'static str, about: &'static str) -> Named {
        Named { name, about, unit: Unit::Number, more_of: None }
    }

    const fn more(name: &'static str, of: Family, unit: Unit, about: &'static str) -> Named {
        Named { name, about, unit, more_of: Some(of) }
    }
}

/// The family whose faults the choices of `domain` are about.
pub fn family_of(domain: &str) -> Option<Family> {
    let own = Family::ALL.iter().copied().find(|family| family.row().name == domain);
    own.or_else(|| NAMED.iter().find(|named| named.name == domain)?.more_of)
}

/// What a choice of `domain` came to, with its unit: `20ms`, `1 B`, `call 7`. A program got `low` where the value is 0.
pub fn value_text(domain: &str, low: u64, value: u64) -> String {
    let shown = low.saturating_add(value);
    if let Some(named) = NAMED.iter().find(|named| named.name == domain) {
        return counted(shown, named.unit);
    }
    let Some(family) = Family::ALL.iter().find(|family| family.row().name == domain) else {
        return shown.to_string();
    };
    match family.row().amount {
        _ if value == 0 => "0".to_owned(),
        Amount::Happens => "happens".to_owned(),
        Amount::Log(_, _, unit) | Amount::Even(_, _, unit) => counted(value, unit),
        Amount::OneOf(all) => {
            let which = usize::try_from(value - 1).ok().and_then(|at| all.get(at));
            which.map_or_else(|| value.to_string(), |&what| what.to_owned())
        }
    }
}

fn counted(value: u64, unit: Unit) -> String {
    let span = |ns: u64| text(|out| put_span(out, ns));
    match unit {
        Unit::Ns => span(value),
        Unit::Milliseconds => span(value.saturating_mul(1_000_000)),
        Unit::MillisecondsPlusOne if value <= 1 => "at once".to_owned(),
        Unit::MillisecondsPlusOne => span((value - 1).saturating_mul(1_000_000)),
        Unit::Bytes => format!("{value} B"),
        Unit::BytesPlusOne => format!("{} B", value.saturating_sub(1)),
        Unit::BytesPerSecond => format!("{value} B/s"),
        Unit::Call => format!("call {value}"),
        Unit::Number => value.to_string(),
        Unit::Of(what) => format!("{value} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn a_value_has_its_unit_and_is_what_the_program_got() {
        for (domain, low, value, shown) in [
            ("workload", 5, 2, "7"),
            ("wire.delay", 0, 1_500, "1500ns"),
            ("wire.gap", 0, 2_000_000, "2ms"),
            ("buffer.send", 0, 1, "1 B"),
            ("wire.bandwidth", 0, 2048, "2048 B/s"),
            ("process.kill", 0, 12, "call 12"),
            ("stream.not-ready", 0, 1, "at once"),
            ("stream.not-ready", 0, 22, "21ms"),
            ("stream.reset", 0, 1, "0 B"),
            ("stream.stall", 0, 3_000, "3s"),
            ("ring.order", 0, 2, "2 places"),
            ("wire.reset", 0, 1, "happens"),
            ("disk.torn", 0, 2, "its end"),
            ("of.an.older.build", 0, 9, "9"),
        ] {
            assert_eq!(value_text(domain, low, value), shown, "{domain}");
        }
    }

    /// The texts of all source files below `folder`.
    fn sources(folder: &Path, texts: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, texts);
            } else if path.extension().is_some_and(|end| end == "rs") {
                texts.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// A name in a table of choices that no page explains helps nobody.
    #[test]
    fn every_name_of_a_choice_is_documented() {
        let page = include_str!("../../../docs/FAULTS.md");
        for named in NAMED {
            let row = format!("| `{}` | {} |", named.name, named.about);
            assert!(page.contains(&row), "docs/FAULTS.md lacks the row\n{row}");
        }
        for family in Family::ALL {
            assert!(page.contains(&format!("| `{}` |", family.row().name)), "{family:?}");
        }
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
        let declared = texts.iter().flat_map(|text| text.lines()).filter_map(|line| {
            let (before, rest) = line.split_once(": Domain = Domain(\"")?;
            before.contains("const ").then(|| rest.split('"').next()).flatten()
        });
        let declared: BTreeSet<&str> = declared.collect();
        // Tests have domains of their own, named as a family.
        let known = |name: &str| NAMED.iter().any(|named| named.name == name) || family_of(name).is_some();
        let unknown: Vec<_> = declared.iter().filter(|name| !known(name)).collect();
        assert!(unknown.is_empty() && declared.len() >= NAMED.len(), "{unknown:?} of {declared:?}");
    }
}
