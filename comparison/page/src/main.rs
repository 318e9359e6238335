//! Makes the tables of the page from the results of one run: what stands between `<!-- NAME -->` and `<!-- end -->` is
//! written anew, the rest stays.
//!
//! `comparison-page [--unmodified] RESULTS PAGE`

mod needs;
mod tables;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let written = match &arguments[..] {
        [flag, results, page] if flag == "--unmodified" => {
            write_unmodified(Path::new(results), Path::new(page))
        }
        [results, page] => write(Path::new(results), Path::new(page)),
        _ => {
            eprintln!("comparison-page [--unmodified] RESULTS PAGE");
            return ExitCode::from(2);
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(results: &Path, page: &Path) -> Result<(), String> {
    let machine = read(&results.join("machine.tsv"))?;
    let speed = read(&results.join("speed.tsv"))?;
    let bugs = read(&results.join("bugs.tsv"))?;
    let corpus = json(&read(&results.join("corpus.json"))?)?;
    let ours = json(&read(&results.join("ours.json"))?)?;
    let mut text = read(page)?;
    for (name, table) in [
        ("machine", tables::machine(&machine)),
        ("speed", tables::speed(&speed)),
        ("ported", tables::ported(&bugs, &corpus, &ours)),
        ("corpus", tables::corpus(&corpus)),
    ] {
        text = put(&text, name, &table)?;
    }
    fs::write(page, text).map_err(|error| format!("{}: {error}", page.display()))
}

/// What `run-unmodified` has measured.
fn write_unmodified(results: &Path, page: &Path) -> Result<(), String> {
    let machine = read(&results.join("machine.tsv"))?;
    let speed = read(&results.join("speed.tsv"))?;
    let costs = read(&results.join("costs.txt"))?;
    let bugs = json(&read(&results.join("bugs.json"))?)?;
    let mut text = read(page)?;
    for (name, table) in [
        ("unmodified machine", tables::machine(&machine)),
        ("unmodified speed", tables::speed(&speed)),
        ("unmodified costs", format!("```text\n{costs}```\n")),
        ("unmodified bugs", tables::unmodified(&bugs)),
    ] {
        text = put(&text, name, &table)?;
    }
    fs::write(page, text).map_err(|error| format!("{}: {error}", page.display()))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn json(text: &str) -> Result<Vec<serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("what `bugs --json` said: {error}"))
}

/// The page with `table` in the place of this name.
fn put(page: &str, name: &str, table: &str) -> Result<String, String> {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = page.split_once(&begin).ok_or(format!("the page has no place for `{name}`"))?;
    let end = rest.find("<!-- end -->").ok_or(format!("the place for `{name}` has no end"))?;
    Ok(format!("{before}{begin}\n{table}\n{}", &rest[end..]))
}
