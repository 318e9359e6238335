//! A table of the connections, as netstat would show them at the end of the run.

use crate::trace::TraceLog;
use crate::trace::connections::connections;
use crate::trace::format;
use std::io::{self, Write};

/// Writes the table.
pub fn write(log: &TraceLog, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        ["client", "server", "state", "sent", "received", "segments", "faults", "last seen"]
            .map(str::to_owned),
    ];
    for connection in connections(log) {
        rows.push([
            format::place(log, connection.ends[0]),
            format::place(log, connection.ends[1]),
            connection.state.name().to_owned(),
            connection.bytes[0].to_string(),
            connection.bytes[1].to_string(),
            format!("{}+{}", connection.segments[0], connection.segments[1]),
            connection.faults.to_string(),
            format::time(connection.time[1]),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            // Words to the left, numbers to the right.
            let (before, after) = if at < 3 { ("", padding.as_str()) } else { (padding.as_str(), "") };
            line.push_str(&format!("{before}{cell}{after}  "));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
