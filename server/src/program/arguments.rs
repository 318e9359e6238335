//! What the command line says, made into flags that need nothing of the machine any more: a configuration file is read, passwords
//! come out of files and of the environment, and names of hosts become addresses.

use std::fs;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// Passwords that must not stand in a list of processes: the flag, the flag that names a file, and the variable.
const SECRETS: [(&str, &str, &str); 2] = [
    ("--requirepass", "--requirepass-file", "EAGAIN_REQUIREPASS"),
    ("--backend-password", "--backend-password-file", "EAGAIN_BACKEND_PASSWORD"),
];

/// The flags; later ones count. `environment`: the value of a variable.
pub fn expand(
    arguments: Vec<String>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let mut flags = Vec::new();
    for (flag, _, variable) in SECRETS {
        if let Some(value) = environment(variable) {
            flags.extend([flag.to_owned(), value]);
        }
    }
    let mut arguments = arguments.into_iter().peekable();
    // As with redis-server, the first word may be a file.
    if let Some(path) = arguments.next_if(|first| !first.starts_with('-')) {
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        flags.extend(lines(&text).map_err(|error| format!("{path}: {error}"))?);
    }
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            Some((flag, value)) => flags.extend([flag.to_owned(), value.to_owned()]),
            None => {
                flags.push(argument);
                flags.extend(arguments.next());
            }
        }
    }
    let mut resolved = Vec::new();
    for flag in flags.chunks(2) {
        match flag {
            [name, value] => {
                let (name, value) = without_machine(name, value)?;
                resolved.extend([name, value]);
            }
            // A flag without a value: whoever reads the flags says so.
            rest => resolved.extend_from_slice(rest),
        }
    }
    Ok(resolved)
}

/// The flags of a configuration file: a name and a value a line, the value in quotes or not; `#` begins a remark.
fn lines(text: &str) -> Result<Vec<String>, String> {
    let mut flags = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once(char::is_whitespace) else {
            return Err(format!("line {number}: '{line}' has no value"));
        };
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        flags.extend([format!("--{name}"), unquoted.unwrap_or(value).to_owned()]);
    }
    Ok(flags)
}

fn without_machine(name: &str, value: &str) -> Result<(String, String), String> {
    if let Some((flag, _, _)) = SECRETS.iter().find(|(_, file, _)| *file == name) {
        let text = fs::read_to_string(value).map_err(|error| format!("{name} {value}: {error}"))?;
        return Ok(((*flag).to_owned(), text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let value = match name {
        "--listen" => address(name, value)?,
        "--backends" => {
            let addresses = value.split(',').map(|one| address(name, one.trim()));
            addresses.collect::<Result<Vec<_>, _>>()?.join(",")
        }
        "--bind" if value.parse::<IpAddr>().is_err() => resolve(name, value, (value, 0))?.ip().to_string(),
        _ => value.to_owned(),
    };
    Ok((name.to_owned(), value))
}

/// An address, or a name and a port.
fn address(flag: &str, value: &str) -> Result<String, String> {
    if value.parse::<SocketAddr>().is_ok() {
        return Ok(value.to_owned());
    }
    let parts = value.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, port)) = parts else {
        return Err(format!("{flag} {value}: not an address like 127.0.0.1:6379 or localhost:6379"));
    };
    Ok(resolve(flag, value, (host, port))?.to_string())
}

fn resolve(flag: &str, value: &str, host: (&str, u16)) -> Result<SocketAddr, String> {
    let found = host.to_socket_addrs().map_err(|error| format!("{flag} {value}: {error}"))?;
    found.into_iter().next().ok_or_else(|| format!("{flag} {value}: the name has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_file_is_flags_and_remarks() {
        let flags =
            lines("# remark\n\nport 7000\n  requirepass \"a word\"\r\ndir /data/with blanks\n").unwrap();
        let expected = ["--port", "7000", "--requirepass", "a word", "--dir", "/data/with blanks"];
        assert_eq!(flags, expected);
        assert_eq!(lines("port 1\nport\n"), Err("line 2: 'port' has no value".to_owned()));
    }

    #[test]
    fn later_flags_come_behind_the_environment_and_names_are_resolved() {
        let environment = |name: &str| (name == "EAGAIN_REQUIREPASS").then(|| "secret".to_owned());
        let flags = expand(words("--listen=localhost:7000 --workers 2 --model"), environment).unwrap();
        assert_eq!(flags[..2], ["--requirepass", "secret"]);
        assert!(flags[3].parse::<SocketAddr>().unwrap().ip().is_loopback(), "{flags:?}");
        assert_eq!(flags[4..], ["--workers", "2", "--model"]);
    }

    #[test]
    fn what_cannot_be_read_or_resolved_is_named_in_the_error() {
        for (arguments, expected) in [
            ("/no/such/file", "/no/such/file: "),
            ("--requirepass-file /no/such/file", "--requirepass-file /no/such/file: "),
            ("--listen nonsense", "--listen nonsense: not an address like"),
            ("--backends 10.0.0.1:1,x", "--backends x: not an address like"),
        ] {
            let error = expand(words(arguments), |_| None).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
