//! `eagain faults`: the fault table.

use super::args::ListArgs;
use super::console::Console;
use super::{Done, Exit};
use crate::fault::TABLE;
use crate::report::table::{Align, Table};
use serde_json::{Value, json};

pub(super) fn faults(args: &ListArgs, console: &mut Console) -> Done {
    if args.json {
        let all = TABLE.iter().map(|row| {
            json!({
                "name": row.domain.0, "changes": row.changes, "key": row.key,
                "distribution": row.distribution, "allowed_by": row.allowed_by,
            })
        });
        console.out(&format!("{}\n", Value::from_iter(all)));
        return Ok(Exit::Held);
    }
    let columns = ["family", "changes", "chosen by", "how often, how much", "allowed by"];
    let mut table = Table::new(&columns.map(|name| (name, Align::Left)));
    for row in TABLE {
        let cells = [row.domain.0, row.changes, row.key, row.distribution, row.allowed_by];
        table.row(cells.map(str::to_owned));
    }
    console.out(&table.text(""));
    Ok(Exit::Held)
}
