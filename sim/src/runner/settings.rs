//! Settings: what `--set key=value` says, which scenarios take it, and how it is written in names and commands.

use super::invocation::quoted;
use crate::knobs::STUCK_AFTER;
use crate::run::{Knob, KnobValues, Scenario, Settings};
use std::collections::BTreeMap;

/// The scenarios that run with some settings, and those that do not, each with the reason.
#[derive(Clone)]
pub struct Selection {
    /// What runs.
    pub chosen: Vec<Scenario>,
    /// What is left out, and why.
    pub skipped: Vec<(String, String)>,
}

/// Reads `key=value` texts. The error is a line for people.
pub fn parse(texts: &[String]) -> Result<Settings, String> {
    let mut settings = BTreeMap::new();
    for text in texts {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, value)| !key.is_empty() && !value.is_empty())
            .ok_or_else(|| format!("`--set {text}`: write it as key=value"))?;
        if settings.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("`--set {key}` is given twice"));
        }
    }
    Ok(settings)
}

/// Which of `scenarios` take `settings`, whose numbers are brought into their one form. An unknown key, or a value
/// that no scenario with that key takes, is an error.
pub fn select(scenarios: &[Scenario], settings: &mut Settings) -> Result<Selection, String> {
    for (name, value) in settings.iter_mut() {
        let knobs: Vec<&Knob> = scenarios.iter().filter_map(|scenario| knob(scenario, name)).collect();
        if knobs.is_empty() {
            return Err(unknown_key(scenarios, name));
        }
        let accepted = knobs.iter().find_map(|knob| canonical(knob, value));
        *value = accepted
            .ok_or_else(|| format!("`{name}={value}`: the value must be {}", allowed(&knobs[0].values)))?;
    }
    let mut selection = Selection { chosen: Vec::new(), skipped: Vec::new() };
    for scenario in scenarios {
        let reason = settings.iter().find_map(|(name, value)| match knob(scenario, name) {
            None => Some(format!("has no knob `{name}`")),
            Some(knob) if canonical(knob, value).is_none() => Some(format!("does not take `{name}={value}`")),
            Some(_) => None,
        });
        match reason {
            None => selection.chosen.push(*scenario),
            Some(reason) => selection.skipped.push((scenario.name.to_owned(), reason)),
        }
    }
    if selection.chosen.is_empty() && !scenarios.is_empty() {
        return Err(match &selection.skipped[..] {
            [(name, reason)] => format!("`{name}` {reason}"),
            _ => "no scenario takes all of these settings".to_owned(),
        });
    }
    Ok(selection)
}

/// Knobs that every scenario has.
const COMMON: &[Knob] = &[Knob {
    name: STUCK_AFTER,
    about: "seconds for which a client may achieve nothing, once faults have stopped (O6)",
    values: KnobValues::Number { low: 1, high: 1_000_000_000, default: 120 },
}];

fn knob<'a>(scenario: &'a Scenario, name: &str) -> Option<&'a Knob> {
    scenario.knobs.iter().chain(COMMON).find(|knob| knob.name == name)
}

fn unknown_key(scenarios: &[Scenario], name: &str) -> String {
    let mut known: Vec<_> = scenarios.iter().flat_map(|s| s.knobs.iter().map(|k| k.name)).collect();
    known.sort_unstable();
    known.dedup();
    match (scenarios, &known[..]) {
        ([one], []) => format!("`{}` has no knob `{name}`, nor any other", one.name),
        ([one], _) => format!("`{}` has no knob `{name}`; it has {}", one.name, known.join(", ")),
        (_, []) => format!("no scenario has a knob `{name}`, nor any other"),
        _ => format!("no scenario has a knob `{name}`; there are {}", known.join(", ")),
    }
}

/// The one way to write this value, where the knob takes it.
fn canonical(knob: &Knob, value: &str) -> Option<String> {
    match knob.values {
        KnobValues::Words(words) => words.contains(&value).then(|| value.to_owned()),
        KnobValues::Number { low, high, .. } => {
            let number = crate::choice::parse_seed(value).ok()?;
            (low..=high).contains(&number).then(|| number.to_string())
        }
    }
}

/// What a knob takes, for people.
pub fn allowed(values: &KnobValues) -> String {
    match values {
        KnobValues::Words(words) => format!("one of {}", words.join(", ")),
        KnobValues::Number { low, high, .. } => format!("a number from {low} to {high}"),
    }
}

/// The value of a knob that is not set.
pub fn default(values: &KnobValues) -> String {
    match values {
        KnobValues::Words(words) => words.first().copied().unwrap_or_default().to_owned(),
        KnobValues::Number { default, .. } => default.to_string(),
    }
}

/// `model=epoll,workers=4`: the configuration in hashes, folder names and tables.
pub fn text(settings: &Settings) -> String {
    settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// ` --set model=epoll --set workers=4`: the configuration in a command, with a space before each part.
pub fn flags(settings: &Settings) -> String {
    let quoted = |(key, value): (&String, &String)| format!(" --set {}", quoted(&format!("{key}={value}")));
    settings.iter().map(quoted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: Knob =
        Knob { name: "model", about: "", values: KnobValues::Words(&["epoll", "poll", "io_uring"]) };
    const WORKERS: Knob =
        Knob { name: "workers", about: "", values: KnobValues::Number { low: 0, high: 8, default: 2 } };

    fn scenario(name: &'static str, knobs: &'static [Knob]) -> Scenario {
        Scenario { name, about: "", knobs, seeds: 1, body: |_| {} }
    }

    fn outcome(sets: &[&str]) -> String {
        let scenarios =
            [scenario("plain", &[]), scenario("one", &[MODEL]), scenario("two", &[MODEL, WORKERS])];
        let texts: Vec<String> = sets.iter().map(|text| (*text).to_owned()).collect();
        let result = parse(&texts).and_then(|mut settings| {
            let selection = select(&scenarios, &mut settings)?;
            let chosen: Vec<_> = selection.chosen.iter().map(|s| s.name).collect();
            let skipped: Vec<_> = selection.skipped.iter().map(|(n, why)| format!("{n} {why}")).collect();
            Ok(format!("[{}] {} / {}", text(&settings), chosen.join(" "), skipped.join("; ")))
        });
        result.unwrap_or_else(|line| format!("2: {line}"))
    }

    #[test]
    fn settings_choose_the_scenarios_that_take_them() {
        let cases: [&[&str]; 11] = [
            &[],
            &["model=poll"],
            &["workers=0x4"],
            &["model=poll", "workers=8"],
            &["workers=9"],
            &["workers=two"],
            &["model=kqueue"],
            &["modle=poll"],
            &["model"],
            &["model="],
            &["model=poll", "model=epoll"],
        ];
        let lines: Vec<_> =
            cases.iter().map(|sets| format!("{:<24} {}", sets.join(" "), outcome(sets))).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
