//! The parameters that `CONFIG GET` and `CONFIG SET` know, by the names that Redis gives them. Each reads and writes a field of
//! [`Config`], and has an effect: one of Redis that would have none here is unknown.

use super::Config;
use crate::limits::{Limits, OutputLimit};
use crate::observe::Level;
use crate::resp::number::parse_integer;
use crate::storage_unit::eviction::EvictionPolicy;
use crate::storage_unit::{Engine, SyncPolicy};
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

/// One of them.
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
            let wanted = integer(value, 1, u32::MAX.into())? as usize;
            if wanted > config.clients_fit {
                return Err(SetError::Invalid(
                    "The process has not enough descriptors for so many clients; see ulimit -Hn",
                ));
            }
            config.limits.clients_max = wanted;
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
    Parameter { name: "client-output-buffer-limit", get: output_limits, set: set_output_limits },
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
    Parameter {
        name: "unixsocket",
        get: |config| config.unix_socket.clone(),
        set: |_, _| Err(SetError::Immutable),
    },
    Parameter {
        name: "unixsocketperm",
        get: |config| format!("{:o}", config.unix_socket_mode.unwrap_or(0)),
        set: |_, _| Err(SetError::Immutable),
    },
    Parameter {
        name: "tcp-keepalive",
        get: |config| config.keepalive_s.to_string(),
        set: |config, value| {
            // As much as TCP_KEEPIDLE takes.
            config.keepalive_s = integer(value, 0, 32_767)? as u32;
            Ok(())
        },
    },
    Parameter {
        name: "loglevel",
        get: |config| config.log_level.name().to_owned(),
        set: |config, value| {
            // Redis has one more, below these; nothing is written at it.
            let value = if value == b"debug" { b"verbose" } else { value };
            let found = Level::NAMES.iter().find(|(name, _)| name.as_bytes() == value);
            config.log_level = found
                .ok_or(SetError::Invalid(
                    "argument(s) must be one of the following: debug, verbose, notice, warning",
                ))?
                .1;
            Ok(())
        },
    },
    Parameter {
        name: "logfile",
        get: |config| config.log_file.clone(),
        set: |_, _| Err(SetError::Immutable),
    },
    Parameter {
        name: "save",
        get: |_| String::new(),
        set: |_, value| match value {
            b"" => Ok(()),
            _ => Err(SetError::Invalid("this server makes no snapshots; use --storage log")),
        },
    },
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
            match config.storage {
                _ if config.sync_policy == *policy => Ok(()),
                Engine::Memory => Err(SetError::Invalid("this storage keeps nothing on a disk")),
                _ => Err(SetError::Immutable),
            }
        },
    },
    Parameter { name: "dir", get: |config| config.directory.clone(), set: |_, _| Err(SetError::Immutable) },
];

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    PARAMETERS.iter().map(|parameter| parameter.name)
}

/// All parameters and their values, in a fixed order.
pub fn all(config: &Config) -> impl Iterator<Item = (&'static str, Vec<u8>)> + '_ {
    PARAMETERS.iter().map(|parameter| (parameter.name, (parameter.get)(config).into_bytes()))
}

/// Sets a parameter; its name may be written in any case.
pub fn set(config: &mut Config, name: &[u8], value: &[u8]) -> Result<(), SetError> {
    let parameter = PARAMETERS.iter().find(|parameter| parameter.name.as_bytes().eq_ignore_ascii_case(name));
    (parameter.ok_or(SetError::Unknown)?.set)(config, value)
}

/// Which of the limits is that of a class.
type OfLimits = fn(&mut Limits) -> &mut OutputLimit;

/// The classes of clients that have bounds on their output. There are no replicas.
const CLASSES: [(&str, OfLimits); 2] =
    [("normal", |limits| &mut limits.output), ("pubsub", |limits| &mut limits.channel_output)];

/// Each class with its three numbers.
fn output_limits(config: &Config) -> String {
    let mut limits = config.limits.clone();
    let number = |bytes: usize| if bytes == usize::MAX { 0 } else { bytes };
    let classes = CLASSES.map(|(name, of)| {
        let OutputLimit { hard, soft, soft_ns } = *of(&mut limits);
        format!("{name} {} {} {}", number(hard), number(soft), soft_ns / SECOND_NS)
    });
    classes.join(" ")
}

fn set_output_limits(config: &mut Config, value: &[u8]) -> Result<(), SetError> {
    let words: Vec<&[u8]> = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || !words.len().is_multiple_of(4) {
        return Err(SetError::Invalid("Wrong number of arguments in buffer limit configuration."));
    }
    for words in words.chunks(4) {
        let class = CLASSES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(words[0]));
        let (_, of) = class
            .ok_or(SetError::Invalid("Invalid client class specified in buffer limit configuration."))?;
        let bound = |word: &[u8]| memory(word).map(|bytes| if bytes == 0 { usize::MAX } else { bytes });
        let soft_ns = integer(words[3], 0, i32::MAX.into())? as u64 * SECOND_NS;
        *of(&mut config.limits) = OutputLimit { hard: bound(words[1])?, soft: bound(words[2])?, soft_ns };
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
