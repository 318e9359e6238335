//! The tables.

use crate::needs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

const PEERS: [&str; 4] = ["turmoil", "turmoil-net", "madsim", "moonpool-sim"];

/// Key and value, a line each.
pub fn machine(lines: &str) -> String {
    let mut out = "| | |\n|---|---|\n".to_owned();
    for line in lines.lines() {
        let (key, value) = line.split_once('\t').unwrap_or((line, ""));
        let _ = writeln!(out, "| {key} | {value} |");
    }
    out
}

/// The fastest round, which is the program's, and the median, which is the machine's too.
pub fn speed(lines: &str) -> String {
    // In the order of their first mention.
    let mut order: Vec<(String, String)> = Vec::new();
    let mut rates: BTreeMap<(String, String), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["speed", peer, setting, what, rate] = fields[..] else { continue };
        let Ok(rate) = rate.parse() else { continue };
        let key = (peer.to_owned(), setting.to_owned());
        if !order.contains(&key) {
            order.push(key.clone());
        }
        rates.entry(key).or_default().entry(what.to_owned()).or_default().push(rate);
    }
    let mut out = "| | echo, 1 client | 10 clients | 100 clients | small worlds | bulk, MB/s |\n\
                   |---|---|---|---|---|---|\n"
        .to_owned();
    for key in order {
        let of = &mut rates.get_mut(&key).expect("it was entered above");
        let mut row = String::new();
        for what in ["echo-1", "echo-10", "echo-100", "worlds", "bulk"] {
            let Some(rounds) = of.get_mut(what) else {
                row += " – |";
                continue;
            };
            rounds.sort_by(f64::total_cmp);
            let unit = if what == "bulk" { 1e6 } else { 1.0 };
            let (fastest, median) = (rounds[rounds.len() - 1], rounds[rounds.len() / 2]);
            let _ = write!(row, " {} ({}) |", digits(fastest / unit), digits(median / unit));
        }
        let (peer, setting) = key;
        let _ = writeln!(out, "| {peer} ({setting}) |{row}");
    }
    out
}

/// Three digits, thousands apart.
fn digits(number: f64) -> String {
    let unit = 10_f64.powf(number.abs().max(1.0).log10().floor() - 2.0).max(1.0);
    let rounded = ((number / unit).round() * unit) as u64;
    let plain = rounded.to_string();
    let mut out = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A line of `bugs` of a peer.
struct Found {
    tries: Vec<Option<u64>>,
    looked: u64,
    twins: u64,
    blamed: String,
}

/// The programs that every peer ran.
pub fn ported(lines: &str, corpus: &[Value], ours: &[Value]) -> String {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut found: BTreeMap<(&str, &str), Found> = BTreeMap::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["bug", peer, bug, class, tries, looked, twins, blamed, _] = fields[..] else { continue };
        if !order.contains(&(bug, class)) {
            order.push((bug, class));
        }
        let tries =
            tries.split(',').filter(|tries| !tries.is_empty()).map(|tries| tries.parse().ok()).collect();
        let number = |text: &str| text.parse().unwrap_or(0);
        let of = Found { tries, looked: number(looked), twins: number(twins), blamed: blamed.to_owned() };
        found.insert((peer, bug), of);
    }
    let mut out =
        "| bug | class | eagain | eagain's layer on turmoil | turmoil | turmoil-net | madsim | moonpool-sim |\n\
         |---|---|---|---|---|---|---|---|\n"
            .to_owned();
    let by_name = |name: &str| {
        corpus.iter().chain(ours).find(|row| row["name"] == *name).map_or("?".to_owned(), ours_cell)
    };
    for (bug, class) in order {
        let _ =
            write!(out, "| `{bug}` | {class} | {} | {} |", by_name(bug), by_name(&format!("layer-{bug}")));
        for peer in PEERS {
            let cell = found.get(&(peer, bug)).map_or("?".to_owned(), peer_cell);
            let _ = write!(out, " {cell} |");
        }
        out.push('\n');
    }
    out
}

/// The programs that every peer ran, on tokio itself.
pub fn unmodified(rows: &[Value]) -> String {
    let mut out = "| bug | class | seeds |\n|---|---|---|\n".to_owned();
    for row in rows {
        let name = row["name"].as_str().unwrap_or("?").trim_start_matches("unmodified-");
        let _ = writeln!(out, "| `{name}` | {} | {} |", row["class"].as_str().unwrap_or("?"), ours_cell(row));
    }
    out
}

fn ours_cell(row: &Value) -> String {
    let blamed = if row["twin_blamed"] == true { ", twin blamed" } else { "" };
    match (row["median_seeds"].as_u64(), row["worst_seeds"].as_u64()) {
        (Some(median), Some(worst)) => format!("{median} ({worst}){blamed}"),
        (Some(median), None) => {
            format!("{median} (missed from {} of {} bases){blamed}", missed(row), row["bases"])
        }
        _ => format!("no{blamed}"),
    }
}

fn missed(row: &Value) -> u64 {
    row["bases"].as_u64().unwrap_or(0) - row["found_from"].as_u64().unwrap_or(0)
}

fn peer_cell(of: &Found) -> String {
    let mut found: Vec<u64> = of.tries.iter().flatten().copied().collect();
    found.sort_unstable();
    let missed = of.tries.len() - found.len();
    let mut cell = match found.last() {
        None => format!("no, in {} seeds", of.looked),
        Some(worst) if missed == 0 => format!("{} ({worst})", found[found.len() / 2]),
        Some(_) => format!("from {} of {} bases", found.len(), of.tries.len()),
    };
    if !of.blamed.is_empty() {
        let _ = write!(cell, ", twin blamed at its seed {}", of.twins);
    }
    cell
}

/// All planted bugs of `cargo eagain bugs`.
pub fn corpus(rows: &[Value]) -> String {
    let mut out = "| bug | class | eagain | needs | turmoil | turmoil-net | madsim | moonpool-sim |\n\
                   |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let name = row["name"].as_str().unwrap_or("?");
        let need = needs::of(name);
        let cells = need.map_or(["?"; 4], needs::Need::by_peer);
        let _ = writeln!(
            out,
            "| `{name}` | {} | {} | {} | {} |",
            row["class"].as_str().unwrap_or("?"),
            ours_cell(row),
            need.map_or("?", needs::Need::words),
            cells.join(" | ")
        );
    }
    out
}
