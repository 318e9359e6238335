//! What an operator chooses: from the command line at the start ([`Config::from_arguments`]), and with `CONFIG SET`
//! later ([`parameters`]).

mod check;
pub mod parameters;

use crate::limits::Limits;
use crate::names::{name_of, near};
use crate::observe::{Level, Log};
use crate::storage_unit::eviction::EvictionPolicy;
use crate::storage_unit::{Engine, SyncPolicy};
use eagain_net::Errno;
use eagain_net::model::ModelKind;
use std::fmt;
use std::net::SocketAddr;

/// Who reads, who thinks, who writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// The main thread waits and queues events; workers read, think and write.
    #[default]
    Reactor,
    /// The main thread and the kernel read and write; workers only think.
    Proactor,
}

impl Pattern {
    /// Both, with the names that the command line gives them.
    pub const NAMES: [(&'static str, Pattern); 2] =
        [("reactor", Pattern::Reactor), ("proactor", Pattern::Proactor)];

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }
}

/// What the process is in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// All units in one process.
    #[default]
    Single,
    /// Takes clients in and spreads their requests.
    Access,
    /// Executes requests.
    Logic,
    /// Keeps the data.
    Storage,
}

impl Role {
    /// All of them, with the names that the command line gives them.
    pub const NAMES: [(&'static str, Role); 4] = [
        ("single", Role::Single),
        ("access", Role::Access),
        ("logic", Role::Logic),
        ("storage", Role::Storage),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }
}

/// chmod(2): a path and a mode.
pub type Chmod = fn(&str, u32) -> Result<(), Errno>;

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients are taken in.
    pub listen: SocketAddr,
    /// How the I/O unit learns what happens.
    pub model: ModelKind,
    /// Who does what.
    pub pattern: Pattern,
    /// Threads of the logic unit; 0: logic runs on the I/O thread.
    pub workers: usize,
    /// Loops, each with a listener, a model and peers of its own; best is one a core.
    pub loops: usize,
    /// Entries of a ring, or threads of POSIX AIO; 0: what is usual for the model.
    pub depth: u32,
    /// How often a loop on epoll without workers asks whether there is something before it sleeps; 0: never.
    pub busy_polls: u32,
    /// Replies wait for a write event, as the seed's reactor has it, instead of being tried at once.
    pub write_when_ready: bool,
    /// What the process is in a cluster.
    pub role: Role,
    /// Who is behind an access or a logic server.
    pub backends: Vec<SocketAddr>,
    /// What they want to hear first; empty: nothing.
    pub backend_password: Vec<u8>,
    /// How many databases.
    pub databases: usize,
    /// What clients have to say first; empty: nothing.
    pub password: Vec<u8>,
    /// What stands behind the data.
    pub storage: Engine,
    /// Where its files are.
    pub directory: String,
    /// How often it makes safe what was written.
    pub sync_policy: SyncPolicy,
    /// Valid data behind damage may be dropped.
    pub drops_damage: bool,
    /// Bound on the memory of keys and values; 0: none.
    pub memory_bytes_max: usize,
    /// Who goes when that bound is reached.
    pub eviction: EvictionPolicy,
    /// All other bounds.
    pub limits: Limits,
    /// The most clients that the process can have, by what is known of its limits.
    pub clients_fit: usize,
    /// A Unix socket beside `listen`; empty: none.
    pub unix_socket: String,
    /// The mode of its file; `None`: as the umask has it.
    pub unix_socket_mode: Option<u32>,
    /// What sets the mode of a file, chmod(2), where there are modes.
    pub chmod: Option<Chmod>,
    /// A peer that is silent for so many seconds is asked whether it is still there; 0: never.
    pub keepalive_s: u32,
    /// Where lines for the operator go; empty: to the standard error.
    pub log_file: String,
    /// From which level on.
    pub log_level: Level,
    /// What takes them.
    pub log: Log,
    /// Called once, when a stop begins.
    pub on_stop: Option<fn()>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 6379)),
            model: ModelKind::default(),
            pattern: Pattern::default(),
            workers: 0,
            loops: 1,
            depth: 0,
            busy_polls: 0,
            write_when_ready: false,
            role: Role::default(),
            backends: Vec::new(),
            backend_password: Vec::new(),
            databases: 16,
            password: Vec::new(),
            storage: Engine::default(),
            directory: ".".to_owned(),
            sync_policy: SyncPolicy::default(),
            drops_damage: false,
            memory_bytes_max: 0,
            eviction: EvictionPolicy::default(),
            limits: Limits::default(),
            clients_fit: usize::MAX,
            unix_socket: String::new(),
            unix_socket_mode: None,
            chmod: None,
            keepalive_s: 300,
            log_file: String::new(),
            log_level: Level::default(),
            log: Log::default(),
            on_stop: None,
        }
    }
}

/// Some 20 us, which is about what it costs both sides when a server sleeps and is woken.
const BUSY_POLLS: u32 = 64;

/// Descriptors that `select(2)` can name.
const FD_SETSIZE: usize = 1024;

/// Why a command line is refused, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads `--name value` and `--name=value` (without the program's name). Beside the server's own flags every
    /// parameter of `CONFIG SET` is one, such as `--maxclients 100`. It differs from the default in what is worth it on a real
    /// processor alone: [`Config::busy_polls`] is 64.
    pub fn from_arguments(
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Config, ConfigError> {
        let mut config = Config { busy_polls: BUSY_POLLS, ..Config::default() };
        let mut arguments = arguments.into_iter().map(Into::into);
        let mut of_a_disk = None;
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix("--") else {
                return Err(ConfigError(format!("unexpected argument '{argument}'; flags begin with --")));
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => match arguments.next() {
                    Some(value) => (flag.to_owned(), value),
                    None => return Err(ConfigError(format!("--{flag} needs a value"))),
                },
            };
            config.set_flag(&name, &value)?;
            if matches!(name.as_str(), "dir" | "appendfsync" | "recover") {
                of_a_disk = Some(name);
            }
        }
        if let (Some(name), Engine::Memory) = (of_a_disk, config.storage) {
            return Err(ConfigError(format!(
                "--{name}: --storage memory keeps nothing on a disk; use --storage log or --storage redb"
            )));
        }
        config.check()?;
        Ok(config)
    }

    fn set_flag(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        match name {
            "listen" => {
                self.listen = value.parse().map_err(|_| {
                    ConfigError(format!("--listen {value}: not an address like 127.0.0.1:6379"))
                })?;
            }
            "port" => self.listen.set_port(parsed(name, value)?),
            "bind" => {
                let ip =
                    value.parse().map_err(|_| ConfigError(format!("--bind {value}: not one address")))?;
                self.listen.set_ip(ip);
            }
            "model" => self.model = chosen(name, value, &ModelKind::ALL.map(|kind| (kind.name(), kind)))?,
            "pattern" => self.pattern = chosen(name, value, &Pattern::NAMES)?,
            "role" => self.role = chosen(name, value, &Role::NAMES)?,
            "backends" => {
                let addresses = value.split(',').map(|address| address.trim().parse());
                self.backends = addresses.collect::<Result<_, _>>().map_err(|_| {
                    ConfigError(format!("--backends {value}: not addresses like 10.0.0.1:6379,10.0.0.2:6379"))
                })?;
            }
            "backend-password" => self.backend_password = value.as_bytes().to_vec(),
            "workers" => self.workers = parsed(name, value)?,
            "loops" => self.loops = parsed(name, value)?,
            "depth" => self.depth = parsed(name, value)?,
            "busy-polls" => self.busy_polls = parsed(name, value)?,
            "databases" => self.databases = parsed(name, value)?,
            "storage" => self.storage = chosen(name, value, &Engine::NAMES)?,
            "dir" => value.clone_into(&mut self.directory),
            "unixsocket" => value.clone_into(&mut self.unix_socket),
            "unixsocketperm" => {
                let mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o777);
                self.unix_socket_mode =
                    Some(mode.ok_or_else(|| {
                        ConfigError(format!("--{name} {value}: not an octal mode like 770"))
                    })?);
            }
            "logfile" => value.clone_into(&mut self.log_file),
            "appendfsync" => self.sync_policy = chosen(name, value, &SyncPolicy::NAMES)?,
            "recover" => self.drops_damage = chosen(name, value, &[("refuse", false), ("truncate", true)])?,
            "write-when-ready" => {
                self.write_when_ready = chosen(name, value, &[("yes", true), ("no", false)])?;
            }
            _ => match parameters::set(self, name.as_bytes(), value.as_bytes()) {
                Ok(()) => {}
                Err(parameters::SetError::Unknown) => {
                    let usage = Config::usage();
                    let flags = usage.split_whitespace().filter_map(|word| word.strip_prefix("--"));
                    let hint = match near(name, flags.chain(parameters::names().map(|name: &str| name))) {
                        Some(meant) => format!(" (did you mean --{meant}?)"),
                        None => " (see --help)".to_owned(),
                    };
                    return Err(ConfigError(format!("unknown flag --{name}{hint}")));
                }
                Err(error) => return Err(ConfigError(format!("--{name} {value}: {error}"))),
            },
        }
        Ok(())
    }

    /// What `--help` prints.
    pub fn usage() -> String {
        let names = |names: &[&str]| names.join("|");
        format!(
            "eagain-server: a key-value server that speaks the Redis protocol\n\n\
             Usage: eagain-server [FILE] [--FLAG VALUE]...\n\n\
             Each line of FILE is a flag without the dashes, and its value; flags after FILE override it. Hosts may be names.\n\n  \
             --listen ADDR            the address to listen at (127.0.0.1:6379)\n  \
             --port N, --bind HOST    its two parts\n  \
             --requirepass-file PATH  a file with the password that clients must give by AUTH; or EAGAIN_REQUIREPASS (none)\n  \
             --model MODEL            {}\n  \
             --pattern PATTERN        {}\n  \
             --workers N              threads of the logic unit; 0: logic runs on the I/O thread (0)\n  \
             --loops N                I/O threads, each with its own connections and workers (1)\n  \
             --depth N                entries of a ring, or threads of POSIX AIO; 0: the model's own (0)\n  \
             --busy-polls N           epoll without workers: how often a loop asks for events before it sleeps; 0: never ({BUSY_POLLS})\n  \
             --write-when-ready B     yes: replies wait for a write event; no: they are tried at once (no)\n  \
             --role ROLE              {}\n  \
             --backends ADDR,...      who is behind it: an access server's logic servers, a logic server's storage servers\n  \
             --backend-password-file PATH  a file with the password of those servers; or EAGAIN_BACKEND_PASSWORD (none)\n  \
             --databases N            how many databases, for SELECT (16)\n  \
             --unixsocket PATH        a socket for clients of this host, beside the address; PATH.lock says that a server has it (none)\n  \
             --unixsocketperm MODE    the mode of its file, in octal (as the umask has it)\n  \
             --logfile PATH           where the log goes (standard error)\n  \
             --loglevel LEVEL         {}: which of them (notice)\n  \
             --storage ENGINE         {}; memory forgets at the end of the process (memory)\n  \
             --dir PATH               where the storage's files are (.)\n  \
             --appendfsync WHEN       {}: before any reply that acknowledges a write; once a second; never (everysec)\n  \
             --recover HOW            refuse|truncate: valid data after damage: do not start, or drop it (refuse)\n  \
             --PARAMETER VALUE        any parameter of CONFIG SET, such as --maxclients 100\n  \
             --version                print the version\n\n\
             Parameters: {}\n\n\
             Examples:\n  \
             eagain-server --port 7000\n  \
             eagain-server --storage log --dir /var/lib/eagain --appendfsync always\n  \
             eagain-server /etc/eagain.conf --bind 0.0.0.0 --requirepass-file /etc/eagain.password\n  \
             eagain-server --model io_uring --pattern proactor --workers 2\n  \
             eagain-server --unixsocket /run/eagain.sock --unixsocketperm 770 --logfile /var/log/eagain.log",
            names(&ModelKind::ALL.map(ModelKind::name)),
            names(&Pattern::NAMES.map(|(name, _)| name)),
            names(&Role::NAMES.map(|(name, _)| name)),
            names(&Level::NAMES.map(|(name, _)| name)),
            names(&Engine::NAMES.map(|(name, _)| name)),
            names(&SyncPolicy::NAMES.map(|(name, _)| name)),
            parameters::names().collect::<Vec<_>>().join(" "),
        )
    }

    /// Where a server that passes requests on connects to: to each of its backends once for requests, then to each once for
    /// the messages of channels.
    pub fn connections(&self) -> Vec<SocketAddr> {
        [&self.backends[..], &self.backends].concat()
    }

    /// How many clients a process with so many descriptors can serve, beside what it needs for itself.
    pub fn clients_that_fit(&self, descriptors: usize) -> usize {
        /// Listeners, files, what a model needs, and one for a client that gets the error that there is no room.
        const RESERVED: usize = 32;
        let descriptors =
            if self.model == ModelKind::Select { descriptors.min(FD_SETSIZE) } else { descriptors };
        let free = descriptors.saturating_sub(RESERVED + self.connections().len());
        // POSIX AIO sends through a second descriptor of each connection.
        let each = if self.model == ModelKind::Aio { 2 } else { 1 };
        (free / each).max(1)
    }

    /// Why they are no more.
    pub fn why_no_more_clients_fit(&self, descriptors: usize) -> String {
        let rest = "some of which are for the server itself";
        match self.model {
            ModelKind::Select if descriptors > FD_SETSIZE => {
                format!("select can name {FD_SETSIZE} descriptors, {rest}")
            }
            ModelKind::Aio => {
                format!("aio needs two of {descriptors} descriptors (ulimit -Hn) for each, {rest}")
            }
            _ => format!("there are {descriptors} descriptors (ulimit -Hn), {rest}"),
        }
    }

    /// A stop begins.
    pub(crate) fn announce_stop(&self) {
        self.log.line(Level::Notice, || "stopping");
        if let Some(on_stop) = self.on_stop {
            on_stop();
        }
    }

    /// Gives the file of the Unix socket the mode that was asked for.
    pub(crate) fn set_unix_socket_mode(&self) -> Result<(), Errno> {
        match (self.unix_socket_mode, self.chmod) {
            (Some(mode), Some(chmod)) => chmod(&self.unix_socket, mode),
            _ => Ok(()),
        }
    }
}

fn chosen<T: Copy>(flag: &str, value: &str, names: &[(&'static str, T)]) -> Result<T, ConfigError> {
    names.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice).ok_or_else(|| {
        let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        ConfigError(format!("--{flag} {value}: expected one of {}", all.join(", ")))
    })
}

fn parsed<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| ConfigError(format!("--{flag} {value}: not a number in range")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_connections_to_other_servers_are_left_for_them() {
        let alone = Config::default();
        let backends = vec![SocketAddr::from(([10, 0, 0, 1], 1)); 40];
        let access = Config { role: Role::Access, backends, ..Config::default() };
        assert_eq!(alone.clients_that_fit(1024) - access.clients_that_fit(1024), 80);
    }

    #[test]
    fn a_command_line_is_read_or_refused_in_one_line() {
        let table: &[(&[&str], Result<(), &str>)] = &[
            (&[], Ok(())),
            (&["--model", "epoll-edge", "--pattern=proactor", "--workers", "2"], Ok(())),
            (&["--listen", "0.0.0.0:7000", "--maxclients", "5", "--timeout", "30"], Ok(())),
            (&["--listen", "here"], Err("--listen here: not an address like 127.0.0.1:6379")),
            (&["epoll"], Err("unexpected argument 'epoll'; flags begin with --")),
            (&["--workers"], Err("--workers needs a value")),
            (&["--workers", "-1"], Err("--workers -1: not a number in range")),
            (&["--pattern", "actor"], Err("--pattern actor: expected one of reactor, proactor")),
            (&["--colour", "red"], Err("unknown flag --colour (see --help)")),
            (&["--workrs", "2"], Err("unknown flag --workrs (did you mean --workers?)")),
            (&["--maxclient", "2"], Err("unknown flag --maxclient (did you mean --maxclients?)")),
            (&["--maxmemory", "lots"], Err("--maxmemory lots: argument must be a memory value")),
            (&["--role", "access", "--backends", "10.0.0.1:1,10.0.0.2:1"], Ok(())),
            (&["--role", "logic", "--backends", "10.0.0.1:1", "--model", "tokio"], Ok(())),
            (
                &["--role", "logic", "--backends", "10.0.0.1:1", "--model", "blocking"],
                Err(
                    "--role logic: it runs on a readiness model, such as --model epoll, with --pattern reactor",
                ),
            ),
            (&["--role", "storage", "--storage", "log", "--appendfsync=always"], Ok(())),
            (
                &["--dir", "/data"],
                Err("--dir: --storage memory keeps nothing on a disk; use --storage log or --storage redb"),
            ),
            (&["--role", "access"], Err("--role access: --backends must name its logic servers")),
            (&["--role", "logic"], Err("--role logic: --backends must name its storage servers")),
            (
                &["--role", "storage", "--backends", "10.0.0.1:1"],
                Err("--role storage: it keeps the data itself and has no --backends"),
            ),
            (
                &["--role", "logic", "--backends", "127.0.0.1:6379"],
                Err("--role logic: it is named among its own --backends"),
            ),
            (
                &["--model", "io_uring"],
                Err("io_uring: completions are a proactor's events; use --pattern proactor"),
            ),
            (
                &["--model", "aio", "--pattern", "proactor", "--loops", "2"],
                Err("aio: there can be only one loop of it in a process; use --loops 1"),
            ),
        ];
        for (arguments, expected) in table {
            let result = Config::from_arguments(arguments.iter().copied());
            assert_eq!(
                result.map(|_| ()).map_err(|error| error.to_string()),
                expected.map_err(str::to_owned)
            );
        }
    }
}
