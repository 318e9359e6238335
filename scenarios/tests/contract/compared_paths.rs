//! Every path in every call that takes one: what it comes to, and what is in the directory afterwards.

use crate::compared::{Log, compared, every};
use eagain_net::*;

/// Where each path begins: a directory with a file `f`, an empty directory `d`, one with something in it `n`, and a socket `s`.
fn begin<K: Kernel>(k: K, base: &str) {
    k.mkdir(base).unwrap();
    for directory in ["d", "n", "n/sub"] {
        k.mkdir(&format!("{base}/{directory}")).unwrap();
    }
    for file in ["f", "g", "n/x"] {
        write(k, &format!("{base}/{file}"), b"0123456789");
    }
    let socket = k.socket(Domain::Unix, SocketFlags::NONE).unwrap();
    k.unix_bind(socket, &UnixAddr::Path(format!("{base}/s"))).unwrap();
    k.close(socket).unwrap();
}

fn write<K: Kernel>(k: K, path: &str, bytes: &[u8]) {
    let fd = k.open(path, OpenFlags::WRONLY | OpenFlags::CREAT).unwrap();
    assert_eq!(k.write(fd, bytes), Ok(bytes.len()));
    k.close(fd).unwrap();
}

/// All that is there, with the lengths of files.
fn tree<K: Kernel>(k: K, path: &str, into: &mut Vec<String>, from: usize) {
    let Ok(names) = k.read_dir(path) else {
        let len = k.open(path, OpenFlags::NONE).and_then(|fd| {
            let len = k.fstat(fd).map(|stat| stat.len);
            k.close(fd).unwrap();
            len
        });
        into.push(format!("{}: {len:?}", &path[from..]));
        return;
    };
    into.push(path[from..].to_owned());
    names.iter().for_each(|name| tree(k, &format!("{path}/{name}"), into, from));
}

fn remove<K: Kernel>(k: K, path: &str) {
    if let Ok(names) = k.read_dir(path) {
        names.iter().for_each(|name| remove(k, &format!("{path}/{name}")));
        k.rmdir(path).unwrap();
    } else {
        k.unlink(path).unwrap();
    }
}

const PATHS: &[&str] = &[
    "f",
    "f/",
    "f//",
    "f/.",
    "f/..",
    "f/x",
    "g",
    "d",
    "d/",
    "d//",
    "d/.",
    "d/..",
    "d/./",
    "d/../",
    "d/x",
    "d/x/",
    "d/x/y",
    "n",
    "n/",
    "n/.",
    "n/..",
    "n/x",
    "n/x/",
    "n/x/.",
    "n/sub",
    "n/sub/",
    "n/sub/..",
    "n/sub/../x",
    "n//x",
    "n/./x",
    "n/../f",
    "d/../n/../d",
    "absent",
    "absent/",
    "absent/.",
    "absent/..",
    "absent/x",
    "absent/../f",
    ".",
    "./",
    "..",
    "./f",
    "././absent",
    "s",
    "s/",
    "s/x",
    "f/../g",
    "n/x/../x",
];

fn in_directory<K: Kernel>(k: K, row: &str, act: impl Fn(&str) -> String) -> String {
    let base = format!("/var/tmp/eagain-paths-{row}-{}", k.getpid());
    begin(k, &base);
    let said = act(&base);
    let mut after = Vec::new();
    tree(k, &base, &mut after, base.len());
    remove(k, &base);
    format!("{said} {after:?}")
}

/// What is in an open file, where that can be read.
fn inside<K: Kernel>(k: K, fd: Fd) -> String {
    let mut buffer = [b'.'; 12];
    let read = k.read(fd, &mut buffer);
    let said =
        (k.write(fd, b"ab"), read, k.lseek(fd, std::io::SeekFrom::Current(0)).is_ok(), k.fcntl_getfl(fd));
    let said = format!("{said:?} {}", String::from_utf8_lossy(&buffer[..read.unwrap_or(0)]));
    k.close(fd).unwrap();
    said
}

fn opening<K: Kernel>(k: K, log: &Log) {
    let flags = [OpenFlags::CREAT, OpenFlags::EXCL, OpenFlags::TRUNC, OpenFlags::DIRECTORY];
    let modes = [OpenFlags::NONE, OpenFlags::WRONLY, OpenFlags::RDWR];
    let all = every(&flags, OpenFlags::NONE, OpenFlags::with).into_iter();
    let all = all.flat_map(|flags| modes.map(|mode| flags | mode));
    for flags in
        all.chain([OpenFlags(3), OpenFlags(3) | OpenFlags::CREAT, OpenFlags::RDWR | OpenFlags::APPEND])
    {
        for path in PATHS {
            let said = in_directory(k, "opening", |base| {
                let fd = k.open(&format!("{base}/{path}"), flags);
                fd.map_or_else(|errno| format!("{errno:?}"), |fd| inside(k, fd))
            });
            log.say(format!("{path}: {flags:?}"), said);
        }
    }
}

fn single<K: Kernel>(k: K, log: &Log) {
    for path in PATHS {
        type Act<K> = fn(K, &str) -> String;
        let acts: [(&str, Act<K>); 4] = [
            ("unlink", |k, path| format!("{:?}", k.unlink(path))),
            ("mkdir", |k, path| format!("{:?}", k.mkdir(path))),
            ("rmdir", |k, path| format!("{:?}", k.rmdir(path))),
            ("read_dir", |k, path| format!("{:?}", k.read_dir(path).map(|names| names.len().min(6)))),
        ];
        for (name, act) in acts {
            let counts = name == "read_dir" && path.contains("..");
            if !counts {
                log.say(
                    format!("{path}: {name}"),
                    in_directory(k, "single", |base| act(k, &format!("{base}/{path}"))),
                );
            }
        }
        let bound = in_directory(k, "single", |base| {
            let fd = k.socket(Domain::Unix, SocketFlags::NONE).unwrap();
            let address = UnixAddr::Path(format!("{base}/{path}"));
            let said = (k.unix_bind(fd, &address), k.listen(fd, 1), k.unix_connect(fd, &address));
            k.close(fd).unwrap();
            format!("{said:?}")
        });
        log.say(format!("{path}: bind"), bound);
    }
}

fn renaming<K: Kernel>(k: K, log: &Log) {
    // Of each two, one is renamed to the other.
    let goes = |from: usize, to: usize| (from <= to) == (from + to).is_multiple_of(2);
    for (at, from) in PATHS.iter().enumerate() {
        for (_, to) in PATHS.iter().enumerate().filter(|&(to, _)| goes(at, to)) {
            let said = in_directory(k, "renaming", |base| {
                format!("{:?}", k.rename(&format!("{base}/{from}"), &format!("{base}/{to}")))
            });
            log.say(format!("{from}: to {to}"), said);
        }
    }
}

/// Names that are too long, hold what no name holds, or are none; and those of the root.
fn names<K: Kernel>(k: K, log: &Log) {
    let (name, long) = ("a".repeat(255), "a".repeat(256));
    let deep = |times: usize| "./".repeat(times);
    let paths = [
        String::new(),
        "/".to_owned(),
        "//".to_owned(),
        "/.".to_owned(),
        "/..".to_owned(),
        name.clone(),
        long.clone(),
        format!("{name}/"),
        format!("{long}/x"),
        format!("f/{long}"),
        format!("absent/{long}"),
        format!("{}f", deep(1900)),
        format!("{}f", deep(2047)),
        format!("{}f", deep(2100)),
        "x".repeat(5000),
        "a\0b".to_owned(),
        "\0".to_owned(),
        "é".to_owned(),
        " ".to_owned(),
        "...".to_owned(),
        ". .".to_owned(),
    ];
    for (at, path) in paths.iter().enumerate() {
        for base_first in [true, false] {
            let say = |what: &str, act: &dyn Fn(&str) -> String| {
                // What is not below the directory must not be made.
                if base_first || what == "open" || path.is_empty() || path.starts_with('/') {
                    let said = in_directory(k, "names", |base| {
                        act(&if base_first { format!("{base}/{path}") } else { path.clone() })
                    });
                    log.say(format!("{at} {base_first}: {what}"), said);
                }
            };
            say("open", &|path| format!("{:?}", k.open(path, OpenFlags::NONE).map(|fd| k.close(fd))));
            say("write", &|path| {
                let made = k.open(path, OpenFlags::WRONLY | OpenFlags::CREAT).map(|fd| k.close(fd));
                format!("{made:?}")
            });
            say("mkdir", &|path| format!("{:?}", k.mkdir(path)));
            say("rmdir", &|path| format!("{:?}", k.rmdir(path)));
            say("unlink", &|path| format!("{:?}", k.unlink(path)));
            say("read_dir", &|path| format!("{:?}", k.read_dir(path).is_ok()));
        }
        let said = in_directory(k, "names", |base| {
            let (from, to) = (format!("{base}/f"), format!("{base}/{path}"));
            format!("{:?} {:?}", k.rename(&from, &to), k.rename(&to, &format!("{base}/d")))
        });
        log.say(format!("{at}: rename to and from"), said);
        let said = (k.rename(path, "/var/tmp/absent-too"), k.rename("/", path), k.rename(path, "/"));
        if path.is_empty() || path.starts_with('/') {
            log.say(format!("{at}: rename"), said);
        }
    }
}

/// Files and directories that are open while their names change.
fn while_open<K: Kernel>(k: K, log: &Log) {
    type Act<K> = fn(K, &str) -> Result<()>;
    let acts: [(&str, Act<K>); 7] = [
        ("unlink", |k, base| k.unlink(&format!("{base}/f"))),
        ("renamed over", |k, base| k.rename(&format!("{base}/g"), &format!("{base}/f"))),
        ("renamed", |k, base| k.rename(&format!("{base}/f"), &format!("{base}/n/f"))),
        ("rmdir", |k, base| k.rmdir(&format!("{base}/d"))),
        ("directory renamed", |k, base| k.rename(&format!("{base}/d"), &format!("{base}/n/d"))),
        ("directory over", |k, base| k.rename(&format!("{base}/n/sub"), &format!("{base}/d"))),
        ("emptied", |k, base| {
            k.open(&format!("{base}/f"), OpenFlags::WRONLY | OpenFlags::TRUNC).and_then(|fd| k.close(fd))
        }),
    ];
    for (first, one) in acts {
        for (second, other) in acts {
            for append in [OpenFlags::NONE, OpenFlags::APPEND] {
                let said = in_directory(k, "open", |base| {
                    let file = k.open(&format!("{base}/f"), OpenFlags::RDWR | append).unwrap();
                    let directory = k.open(&format!("{base}/d"), OpenFlags::DIRECTORY).unwrap();
                    let mut buffer = [b'.'; 4];
                    k.read(file, &mut buffer).unwrap();
                    let made = (one(k, base), other(k, base));
                    let of_file = k.fstat(file).map(|stat| (stat.len, stat.is_dir, stat.mode, stat.links));
                    let stat = (of_file, k.fstat(directory).map(|stat| stat.is_dir));
                    let synced = (k.fsync(file), k.fsync(directory));
                    let said = format!("{made:?} {stat:?} {synced:?} {}", inside(k, file));
                    k.close(directory).unwrap();
                    said
                });
                log.say(format!("{first}: {second} {append:?}"), said);
            }
        }
    }
}

compared! { opening single renaming names while_open }
