//! Programs in files of their own: one of C and one of Rust, which compilers make here, and what cannot be run.

use eagain::sim::choice::Base;
use eagain::sim::run::{RunSpec, Scenario};
use eagain::sim::site;
use eagain::{World, faults};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

/// Where the program is put, which the worker processes know too.
const ECHO: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/echo");

/// Compiles a program of `binaries/`; the reason why not, where there is no compiler.
fn compile(source: &str, to: &str, arguments: &[&str]) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("binaries").join(source);
    let mut command = if source.extension().is_some_and(|extension| extension == "rs") {
        let mut command = Command::new("rustc");
        command.args(["--edition", "2024", "-o", to]);
        command
    } else {
        let mut command = Command::new("cc");
        command.args(["-O2", "-g", "-Wall", "-o", to]);
        command
    };
    command.arg(source).args(arguments);
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => Err(format!("skipped: no compiler: {error}")),
    }
}

/// Sends pieces until all of one connection came back; the server may be killed meanwhile.
fn client() -> io::Result<()> {
    loop {
        // A server that was powered off answers nothing.
        if let Ok(stream) = TcpStream::connect("server:7")
            && stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
            && exchange(stream).is_ok()
        {
            return Ok(());
        }
        sleep(Duration::from_millis(10));
    }
}

fn exchange(mut stream: TcpStream) -> io::Result<()> {
    for i in 0..8u8 {
        let piece = vec![i; 50 + 317 * usize::from(i)];
        stream.write_all(&piece)?;
        let mut back = vec![0; piece.len()];
        stream.read_exact(&mut back)?;
        assert!(back == piece, "not what was sent");
    }
    Ok(())
}

fn echo(world: &mut World<'_>) {
    world.host("server").binary(ECHO, ["-p", "7", "-d", "/data"]).restarting();
    for i in 0..2 {
        world.host(format!("client-{i}")).client(client);
    }
    world.may([faults::PROCESS_KILL, faults::HOST_POWER, faults::RESET, faults::PARTITION]);
}

const SCENARIO: Scenario = Scenario {
    name: "c-echo",
    about: "a server in C, killed and powered off",
    knobs: &[],
    seeds: 100,
    body: |sim| World::build(sim, echo),
};

#[test]
fn a_program_of_c_holds() {
    match compile("echo.c", ECHO, &["-pthread"]) {
        Ok(()) => eagain::test(&SCENARIO, &site!("a_program_of_c_holds")),
        Err(reason) => eprintln!("{reason}"),
    }
}

/// Where the program of Rust is put.
const THREADS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/threads");

const THREADS_SCENARIO: Scenario = Scenario {
    name: "rust-threads",
    about: "a program of Rust that nothing of eagain is linked into",
    knobs: &[],
    seeds: 20,
    body: |sim| {
        World::build(sim, |world| {
            for name in ["one", "other"] {
                world.host(name).binary(THREADS, [""; 0]).client();
            }
        });
    },
};

#[test]
fn a_program_of_rust_has_thread_locals_and_unwinds() {
    match compile("threads.rs", THREADS, &[]) {
        Ok(()) => eagain::test(&THREADS_SCENARIO, &site!("a_program_of_rust_has_thread_locals_and_unwinds")),
        Err(reason) => eprintln!("{reason}"),
    }
}

/// Where the program is put.
const STATICS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/statics");

const STATICS_SCENARIO: Scenario = Scenario {
    name: "c-statics",
    about: "two processes of C on a host, which use what libc keeps in statics",
    knobs: &[],
    seeds: 20,
    body: |sim| {
        World::build(sim, |world| {
            for number in ["3", "5"] {
                world.host("machine").binary(STATICS, [number]).client();
            }
        });
    },
};

#[test]
fn what_libc_keeps_in_statics_belongs_to_a_process() {
    match compile("statics.c", STATICS, &[]) {
        Ok(()) => eagain::test(&STATICS_SCENARIO, &site!("what_libc_keeps_in_statics_belongs_to_a_process")),
        Err(reason) => eprintln!("{reason}"),
    }
}

/// Where the program is put.
const CONSOLE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/console");

const CONSOLE_SCENARIO: Scenario = Scenario {
    name: "c-console",
    about: "a program of C that puts its standard files aside and changes its user",
    knobs: &[],
    seeds: 1,
    body: |sim| {
        World::build(sim, |world| {
            let groups = "# none\nstaff:x:50:daemon,nobody\n";
            world.host("machine").file("/etc/group", groups).binary(CONSOLE, [""; 0]).client();
        });
    },
};

#[test]
fn standard_files_are_descriptors_and_users_are_remembered() {
    if let Err(reason) = compile("console.c", CONSOLE, &["-pthread", "-fexceptions"]) {
        eprintln!("{reason}");
        return;
    }
    let spec = RunSpec::new(CONSOLE_SCENARIO, Default::default(), Base::Zero);
    for _ in 0..2 {
        let report = eagain::executor().run(&spec);
        let failure = report.failure.map(|failure| failure.message);
        let printed: Vec<&str> =
            report.output.lines().filter_map(|line| line.split_once(": ")).map(|(_, said)| said).collect();
        let expected = [
            "first",
            "second",
            "third",
            "fourth",
            "logger: eight 1 2 3 4 5 6.25: No such file or directory",
            "logger: 0.5 two 3 4 5 6",
            // Written when the process ends.
            "user 65534",
        ];
        assert_eq!((failure, printed), (None, expected.to_vec()));
    }
}

/// What the command says when it is to run this file: its exit status, and the line.
fn run_file(path: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unmodified"));
    let output = command.args(["run", "redis-server"]).env("REDIS_SERVER", path).output().expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[test]
fn what_cannot_be_run_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let refused = |name: &str, why: &str| {
        let (status, line) = run_file(&file(name));
        let is_sentence = line.lines().count() == 1 && line.contains(why) && line.contains(name);
        assert!(status == Some(2) && is_sentence, "{name}: {status:?} {line}");
    };
    refused("missing", "cannot be read: No such file or directory");
    std::fs::write(file("script"), "#!/bin/sh\n").expect("a file");
    refused("script", "is no ELF executable");
    let Ok(mut elf) = std::fs::read("/proc/self/exe") else { return };
    elf.truncate(100_000);
    std::fs::write(file("torn"), &elf).expect("a file");
    refused("torn", "is a damaged ELF file");
    elf[18] = 183;
    std::fs::write(file("arm"), &elf).expect("a file");
    refused("arm", "is for another processor (aarch64)");

    let compiled = |name: &str, arguments: &[&str]| {
        let to = file(name);
        compile("echo.c", to.to_str().expect("UTF-8"), arguments)
    };
    if let Err(reason) = compiled("fixed", &["-no-pie", "-pthread"]) {
        eprintln!("{reason}");
        return;
    }
    refused("fixed", "is linked for a fixed address");
    compiled("static", &["-static", "-pthread"]).expect("there is a compiler");
    refused("static", "is statically linked");
    compiled("library", &["-shared", "-fPIC"]).expect("there is a compiler");
    refused("library", "is a library");
    compiled("local", &["-pthread", "-DTHREAD_LOCAL"]).expect("there is a compiler");
    refused("local", "has 65552 bytes of thread-local variables");
}

/// Whatever a file says of itself, it is read or refused: no byte of a header ends the worker.
#[test]
fn a_damaged_file_is_refused_or_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("damaged");
    if let Err(reason) = compile("echo.c", path.to_str().expect("UTF-8"), &["-pthread"]) {
        eprintln!("{reason}");
        return;
    }
    let whole = std::fs::read(&path).expect("it was compiled");
    for at in (16..0x320).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        std::fs::write(&path, &damaged).expect("a file");
        let (status, line) = run_file(&path);
        assert!(matches!(status, Some(0..=2)), "byte {at}: {status:?} {line}");
    }
}

/// What is written to the page cache alone is lost in some run where power fails, and the client finds that out.
#[test]
fn a_redis_server_that_does_not_sync_is_found_out() {
    if !Path::new("/usr/bin/redis-server").exists() {
        eprintln!("skipped: there is no /usr/bin/redis-server");
        return;
    }
    let out = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unmodified"));
    command.args(["explore", "redis-server", "--no-shrink", "--jobs", "1", "--seeds", "1000"]);
    command.args(["--set", "appendfsync=no"]).env("EAGAIN_OUT", out.path());
    let output = command.output().expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.code() == Some(1) && text.contains("was acknowledged, and None is there"),
        "{text}"
    );
}
