//! `INFO`: the state of the server as lines of text, with the names that Redis gives them.

use super::{Call, Command, Flags, NO_KEYS};
use crate::error::Outcome;
use std::fmt::Write;

/// The version of Redis whose behaviour is followed.
pub const COMPATIBLE_VERSION: &str = "7.0.15";

/// The group.
pub const COMMANDS: &[Command] = &[Command::new("server", "info", -1, Flags::NONE, NO_KEYS, info)];

type Section = fn(&Call<'_, '_>, &mut String) -> std::fmt::Result;

const SECTIONS: &[(&str, Section)] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("Cluster", cluster),
    ("Keyspace", keyspace),
];

fn info(call: &mut Call<'_, '_>) -> Outcome {
    let mut text = String::new();
    for (name, write) in SECTIONS {
        let everything = call.len() == 1
            || call.arguments.from(1).any(|word| {
                [b"all".as_slice(), b"default", b"everything"]
                    .iter()
                    .any(|all| word.eq_ignore_ascii_case(all))
            });
        if !everything && !call.arguments.from(1).any(|word| word.eq_ignore_ascii_case(name.as_bytes())) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "# {name}\r\n").and_then(|()| write(call, &mut text));
    }
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn server(call: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    let config = &call.shared.config;
    let uptime = call.now_ms.saturating_sub(call.shared.started.unix_ms()) / 1000;
    write!(out, "redis_version:{COMPATIBLE_VERSION}\r\nredis_mode:standalone\r\n")?;
    write!(out, "server_name:eagain\r\neagain_version:{}\r\n", env!("CARGO_PKG_VERSION"))?;
    write!(out, "arch_bits:{}\r\nmultiplexing_api:{}\r\n", usize::BITS, config.model.name())?;
    write!(out, "pattern:{}\r\nworkers:{}\r\n", config.pattern.name(), config.workers)?;
    write!(out, "run_id:{}\r\ntcp_port:{}\r\n", call.shared.run_id, config.listen.port())?;
    write!(out, "server_time_usec:{}\r\n", call.now.unix_us())?;
    write!(out, "uptime_in_seconds:{uptime}\r\nuptime_in_days:{}\r\n", uptime / 86400)
}

fn clients(call: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    write!(out, "connected_clients:{}\r\ncluster_connections:0\r\n", call.shared.directory.len())?;
    write!(
        out,
        "maxclients:{}\r\nblocked_clients:{}\r\n",
        call.shared.config.limits.clients_max,
        call.shared.waiters.len() + call.shared.pause.len(call.now_ms)
    )
}

fn memory(call: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    let used = call.databases.used_bytes();
    write!(out, "used_memory:{used}\r\nused_memory_dataset:{used}\r\n")?;
    write!(out, "maxmemory:{}\r\n", call.shared.config.memory_bytes_max)?;
    write!(out, "maxmemory_policy:{}\r\n", call.shared.config.eviction.name())
}

fn persistence(call: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    let changes = call.databases.counters().changes;
    write!(out, "loading:0\r\nasync_loading:0\r\nstorage:{}\r\n", call.shared.storage_name())?;
    write!(out, "rdb_changes_since_last_save:{changes}\r\nrdb_bgsave_in_progress:0\r\n")?;
    write!(out, "rdb_last_save_time:{}\r\n", call.shared.started.unix_ms() / 1000)?;
    let disk = &call.databases.persistence;
    write!(out, "aof_enabled:{}\r\n", u8::from(disk.is_kept))?;
    write!(out, "aof_rewrite_in_progress:{}\r\n", u8::from(disk.is_rewriting))?;
    write!(out, "aof_last_write_status:{}\r\n", if disk.refusal.is_none() { "ok" } else { "err" })?;
    write!(out, "aof_current_size:{}\r\n", disk.size_bytes)
}

fn stats(call: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    let (counters, data) = (&call.shared.counters, call.databases.counters());
    let lines = [
        ("total_connections_received", counters.connections_total),
        ("total_commands_processed", counters.commands_total),
        ("rejected_connections", counters.connections_rejected),
        ("expired_keys", data.expired),
        ("evicted_keys", data.evicted),
        ("keyspace_hits", data.hits),
        ("keyspace_misses", data.misses),
        ("pubsub_channels", call.shared.channels.channels.len() as u64),
        ("pubsub_patterns", call.shared.channels.patterns.len() as u64),
        ("total_error_replies", counters.errors_total),
    ];
    lines.iter().try_for_each(|(name, value)| write!(out, "{name}:{value}\r\n"))
}

fn replication(_: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    write!(out, "role:master\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n")
}

fn cluster(_: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    write!(out, "cluster_enabled:0\r\n")
}

fn keyspace(call: &Call<'_, '_>, out: &mut String) -> std::fmt::Result {
    for (number, keyspace) in call.databases.iter().enumerate() {
        if !keyspace.is_empty() {
            write!(
                out,
                "db{number}:keys={},expires={},avg_ttl=0\r\n",
                keyspace.len(),
                keyspace.expiring_len()
            )?;
        }
    }
    Ok(())
}
