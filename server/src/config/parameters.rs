//! The parameters that `CONFIG GET` and `CONFIG SET` know, by the names that Redis gives them.
//!
//! Those in the first table are real: they read and write a field of [`Config`]. Those in the second exist because
//! tools and test suites set them before they begin; they are remembered and mean nothing.

use super::Config;
use crate::limits::Limits;
use crate::resp::number::parse_integer;
use crate::storage_unit::eviction::EvictionPolicy;
use crate::storage_unit::{Engine, SyncPolicy};
use std::collections::BTreeMap;
use std::fmt;

/// Why a parameter was not set; `Display` is what `CONFIG SET` says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no such parameter.
    Unknown,
    /// It cannot be changed while the server runs.
    Immutable,
    /// The value is none for it.
    Invalid(&'static str),
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::Unknown => "unknown parameter",
            SetError::Immutable => "can't set immutable config",
            SetError::Invalid(why) => why,
        })
    }
}

/// One real parameter.
struct Parameter {
    name: &'static str,
    get: fn(&Config) -> String,
    set: fn(&mut Config, &[u8]) -> Result<(), SetError>,
}

const SECOND_NS: u64 = 1_000_000_000;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "maxclients",
        get: |config| config.limits.clients_max.to_string(),
        set: |config, value| {
            config.limits.clients_max = integer(value, 1, u32::MAX.into())? as usize;
            Ok(())
        },
    },
    Parameter {
        name: "timeout",
        get: |config| (config.limits.idle_timeout_ns / SECOND_NS).to_string(),
        set: |config, value| {
            config.limits.idle_timeout_ns = integer(value, 0, i32::MAX.into())? as u64 * SECOND_NS;
            Ok(())
        },
    },
    Parameter {
        name: "maxmemory",
        get: |config| config.memory_bytes_max.to_string(),
        set: |config, value| {
            config.memory_bytes_max = memory(value)?;
            Ok(())
        },
    },
    Parameter {
        name: "maxmemory-policy",
        get: |config| config.eviction.name().to_owned(),
        set: |config, value| {
            let text = value.to_ascii_lowercase();
            let found = EvictionPolicy::NAMES.iter().find(|(name, _)| name.as_bytes() == text);
            config.eviction = found.ok_or(SetError::Invalid("argument(s) must be one of the following: noeviction, allkeys-lru, volatile-lru, allkeys-random, volatile-random, volatile-ttl"))?.1;
            Ok(())
        },
    },
    Parameter {
        name: "requirepass",
        get: |config| String::from_utf8_lossy(&config.password).into_owned(),
        set: |config, value| {
            config.password = value.to_vec();
            Ok(())
        },
    },
    Parameter {
        name: "proto-max-bulk-len",
        get: |config| config.limits.bulk_bytes_max.to_string(),
        set: |config, value| {
            config.limits.bulk_bytes_max = memory(value)?.max(1024 * 1024);
            Ok(())
        },
    },
    Parameter {
        name: "client-query-buffer-limit",
        get: |config| config.limits.request_bytes_max.to_string(),
        set: |config, value| {
            config.limits.request_bytes_max = memory(value)?.max(1024 * 1024);
            Ok(())
        },
    },
    Parameter {
        name: "output-buffer-limit",
        get: |config| config.limits.output_bytes_max.to_string(),
        set: |config, value| {
            config.limits.output_bytes_max = memory(value)?.max(1024);
            Ok(())
        },
    },
    Parameter {
        name: "client-output-buffer-limit",
        get: |config| {
            let Limits { channel_bytes_max: hard, channel_bytes_soft: soft, channel_soft_ns: ns, .. } =
                config.limits;
            format!("normal 0 0 0 slave 268435456 67108864 60 pubsub {hard} {soft} {}", ns / SECOND_NS)
        },
        set: set_output_limits,
    },
    Parameter {
        name: "slowlog-log-slower-than",
        get: |config| config.limits.slowlog_slower_than_us.to_string(),
        set: |config, value| {
            config.limits.slowlog_slower_than_us = integer(value, -1, i64::MAX)?;
            Ok(())
        },
    },
    Parameter {
        name: "slowlog-max-len",
        get: |config| config.limits.slowlog_length_max.to_string(),
        set: |config, value| {
            config.limits.slowlog_length_max = integer(value, 0, i64::MAX)? as usize;
            Ok(())
        },
    },
    Parameter {
        name: "databases",
        get: |config| config.databases.to_string(),
        set: |_, _| Err(SetError::Immutable),
    },
    Parameter {
        name: "port",
        get: |config| config.listen.port().to_string(),
        set: |_, _| Err(SetError::Immutable),
    },
    Parameter {
        name: "bind",
        get: |config| config.listen.ip().to_string(),
        set: |_, _| Err(SetError::Immutable),
    },
    Parameter { name: "save", get: |_| String::new(), set: |_, _| Ok(()) },
    Parameter {
        name: "appendonly",
        get: |config| if config.storage == Engine::Memory { "no" } else { "yes" }.to_owned(),
        set: |config, value| match (value, config.storage) {
            (b"no", Engine::Memory) => Ok(()),
            (b"yes", Engine::Memory) => Err(SetError::Invalid("this storage keeps no log")),
            (b"yes", _) => Ok(()),
            (b"no", _) => Err(SetError::Invalid("this storage always keeps its log")),
            _ => Err(SetError::Invalid("argument must be 'yes' or 'no'")),
        },
    },
    Parameter {
        name: "appendfsync",
        get: |config| config.sync_policy.name().to_owned(),
        set: |config, value| {
            let found = SyncPolicy::NAMES.iter().find(|(name, _)| name.as_bytes() == value);
            let (_, policy) = found
                .ok_or(SetError::Invalid("argument(s) must be one of the following: everysec, always, no"))?;
            // Nothing is synced without a storage that keeps anything; tools set it all the same.
            match config.storage {
                Engine::Memory => config.sync_policy = *policy,
                _ if config.sync_policy == *policy => {}
                _ => return Err(SetError::Immutable),
            }
            Ok(())
        },
    },
    Parameter { name: "dir", get: |config| config.directory.clone(), set: |_, _| Err(SetError::Immutable) },
];

const COMPATIBILITY: &[(&str, &str)] = &[
    ("active-expire-enabled", "1"),
    ("activedefrag", "no"),
    ("activerehashing", "yes"),
    ("auto-aof-rewrite-percentage", "100"),
    ("close-on-oom", "yes"),
    ("hash-max-listpack-entries", "128"),
    ("hash-max-listpack-value", "64"),
    ("hash-max-ziplist-entries", "128"),
    ("hash-max-ziplist-value", "64"),
    ("hz", "10"),
    ("latency-monitor-threshold", "0"),
    ("latency-tracking", "yes"),
    ("lazyfree-lazy-user-del", "no"),
    ("lfu-decay-time", "1"),
    ("lfu-log-factor", "10"),
    ("list-compress-depth", "0"),
    ("list-max-listpack-size", "-2"),
    ("list-max-ziplist-size", "-2"),
    ("loglevel", "notice"),
    ("maxmemory-samples", "5"),
    ("min-replicas-to-write", "0"),
    ("notify-keyspace-events", ""),
    ("rdb-key-save-delay", "0"),
    ("repl-diskless-sync-delay", "5"),
    ("replica-serve-stale-data", "yes"),
    ("set-max-intset-entries", "512"),
    ("stop-writes-on-bgsave-error", "yes"),
    ("tcp-keepalive", "300"),
    ("zset-max-listpack-entries", "128"),
    ("zset-max-listpack-value", "64"),
    ("zset-max-ziplist-entries", "128"),
    ("zset-max-ziplist-value", "64"),
];

/// The parameters that mean nothing, with the values that Redis has for them.
pub fn compatibility_defaults() -> BTreeMap<&'static str, Vec<u8>> {
    COMPATIBILITY.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
}

/// The names of those that have an effect.
pub fn names() -> impl Iterator<Item = &'static str> {
    PARAMETERS.iter().map(|parameter| parameter.name)
}

/// All parameters and their values, in a fixed order.
pub fn all(config: &Config) -> impl Iterator<Item = (&'static str, Vec<u8>)> + '_ {
    let real = PARAMETERS.iter().map(|parameter| (parameter.name, (parameter.get)(config).into_bytes()));
    real.chain(config.compatibility.iter().map(|(name, value)| (*name, value.clone())))
}

/// Sets a parameter; its name may be written in any case.
pub fn set(config: &mut Config, name: &[u8], value: &[u8]) -> Result<(), SetError> {
    let name = name.to_ascii_lowercase();
    if let Some(parameter) = PARAMETERS.iter().find(|parameter| parameter.name.as_bytes() == name) {
        return (parameter.set)(config, value);
    }
    let text = std::str::from_utf8(&name).map_err(|_| SetError::Unknown)?;
    match config.compatibility.get_mut(text) {
        Some(old) => {
            *old = value.to_vec();
            Ok(())
        }
        None => Err(SetError::Unknown),
    }
}

/// Classes with their three numbers. That of listeners has an effect; `output-buffer-limit` bounds the others, and there are no
/// replicas.
fn set_output_limits(config: &mut Config, value: &[u8]) -> Result<(), SetError> {
    let words: Vec<&[u8]> = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || !words.len().is_multiple_of(4) {
        return Err(SetError::Invalid("Wrong number of arguments in buffer limit configuration."));
    }
    for class in words.chunks(4) {
        let (hard, soft) = (memory(class[1])?, memory(class[2])?);
        let seconds = integer(class[3], 0, i32::MAX.into())? as u64;
        match class[0].to_ascii_lowercase().as_slice() {
            b"pubsub" => {
                let or_none = |bytes: usize| if bytes == 0 { usize::MAX } else { bytes };
                config.limits.channel_bytes_max = or_none(hard);
                config.limits.channel_bytes_soft = or_none(soft);
                config.limits.channel_soft_ns = seconds * SECOND_NS;
            }
            b"normal" | b"slave" | b"replica" => {}
            _ => {
                return Err(SetError::Invalid(
                    "Invalid client class specified in buffer limit configuration.",
                ));
            }
        }
    }
    Ok(())
}

fn integer(value: &[u8], least: i64, most: i64) -> Result<i64, SetError> {
    match parse_integer(value) {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        Some(_) => Err(SetError::Invalid("argument must be between the limits of this parameter")),
        None => Err(SetError::Invalid("argument couldn't be parsed into an integer")),
    }
}

/// A number of bytes with a unit: `100`, `1k` (1000), `1kb` (1024), and so on up to `gb`.
fn memory(value: &[u8]) -> Result<usize, SetError> {
    let invalid = SetError::Invalid("argument must be a memory value");
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit: usize = match value[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return Err(invalid),
    };
    let number = std::str::from_utf8(&value[..digits]).ok().and_then(|text| text.parse::<usize>().ok());
    number.and_then(|number| number.checked_mul(unit)).ok_or(invalid)
}
