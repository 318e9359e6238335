//! `eagain list`: a line for each scenario.

use super::args::ListArgs;
use super::console::Console;
use super::{Done, Exit, Registry};
use crate::run::{Knob, KnobValues};
use crate::runner::settings;
use serde_json::{Value, json};

pub(super) fn list(registry: &Registry, args: &ListArgs, console: &mut Console) -> Done {
    if args.json {
        let all = registry.scenarios.iter().map(|scenario| {
            json!({
                "name": scenario.name,
                "about": scenario.about,
                "knobs": scenario.knobs.iter().map(knob).collect::<Vec<_>>(),
                "seeds": scenario.seeds,
            })
        });
        console.out(&format!("{}\n", Value::from_iter(all)));
        return Ok(Exit::Held);
    }
    // A line each and nothing else: scripts count them.
    let widest = registry.scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    for scenario in registry.scenarios {
        let knobs: Vec<_> = scenario.knobs.iter().map(|knob| knob.name).collect();
        let knobs = if knobs.is_empty() { String::new() } else { format!(" [{}]", knobs.join(" ")) };
        console.out(&format!("{:<widest$}  {}{knobs}\n", scenario.name, scenario.about));
    }
    Ok(Exit::Held)
}

fn knob(knob: &Knob) -> Value {
    let mut value =
        json!({ "name": knob.name, "about": knob.about, "default": settings::default(&knob.values) });
    match knob.values {
        KnobValues::Words(words) => value["values"] = json!(words),
        KnobValues::Number { low, high, .. } => {
            value["low"] = json!(low);
            value["high"] = json!(high);
        }
    }
    value
}
