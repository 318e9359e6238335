//! Every operation of a ring and of AIO on the descriptors of `compared_states`.

use crate::compared::{Log, every};
use crate::compared_calls::{Call, call, products};
use crate::compared_states::{Maker, nowhere};
use eagain_net::*;
use std::time::Duration;

const LONG: Option<Duration> = Some(Duration::from_secs(2));
const NONE: SocketFlags = SocketFlags::NONE;

fn shown(result: i32) -> String {
    if result < 0 { format!("{:?}", Errno(-result)) } else { result.to_string() }
}

/// Gives an operation to a ring, cancels it where it has not completed, and says what came of both. `waits`: a worker completes it,
/// some time.
fn operate<K: Kernel>(k: K, operation: Operation, waits: bool) -> String {
    let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: true };
    let Ok(mut ring) = k.io_uring_setup(params) else { return "no ring".to_owned() };
    let accepts = matches!(operation, Operation::Accept { .. });
    let plain = |user_data, operation| Submission { user_data, operation, flags: SubmissionFlags::NONE };
    assert!(ring.push(plain(1, operation)).is_ok());
    let mut done = Vec::new();
    let entered = if waits { ring.enter(1, LONG, None) } else { ring.enter(0, None, None) };
    ring.reap(&mut done);
    if done.is_empty() {
        assert!(ring.push(plain(2, Operation::Cancel { user_data: 1 })).is_ok());
        while done.len() < 2 && ring.enter(1, LONG, None).is_ok() {
            ring.reap(&mut done);
        }
    }
    let mut said = format!("{entered:?}");
    for one in &done {
        let result = match one.result {
            number @ 0.. if accepts && one.user_data == 1 => {
                k.close(Fd(number)).unwrap();
                "accepted".to_owned()
            }
            other => shown(other),
        };
        let buffer = one.buffer.as_deref().filter(|_| one.result >= 0).unwrap_or(&[]);
        let bytes = String::from_utf8_lossy(&buffer[..buffer.len().min(one.result.max(0) as usize).min(9)])
            .into_owned();
        said += &format!(" {}:{result} {:?} {bytes:?}", one.user_data, one.flags);
    }
    said
}

fn ring<K: Kernel>(
    calls: &mut Vec<Call<K>>,
    name: String,
    operation: impl Fn(Maker<K>, Fd) -> Operation + 'static,
) {
    call(calls, name, move |m: Maker<K>, fd| {
        let k = m.k;
        let is_file = k.pread(fd, &mut [], 0) != Err(Errno::ESPIPE);
        // It is always ready and has nothing for who does not wait: a worker learns that it is shut.
        let mut asked = [PollFd::new(fd, Events::RDHUP)];
        k.poll(&mut asked, Some(Duration::ZERO), None).unwrap();
        let is_shut = asked[0].revents.contains(Events::RDHUP)
            && k.recv(fd, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) == Err(Errno::EAGAIN);
        operate(k, operation(m, fd), is_file || is_shut)
    });
}

/// What completes at once, or when the descriptor is ready.
fn rings<K: Kernel>() -> Vec<Call<K>> {
    let mut calls = Vec::new();
    let to = &mut calls;
    let flags = [RecvFlags::PEEK, RecvFlags::TRUNC, RecvFlags::WAITALL, RecvFlags::OOB, RecvFlags::DONTWAIT];
    // What does not take what it receives goes round and round until it has all.
    let rounds = |flags: &RecvFlags| {
        flags.contains(RecvFlags::WAITALL)
            && flags.intersects(RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::OOB)
    };
    for flags in every(&flags, RecvFlags::NONE, RecvFlags::with).into_iter().filter(|flags| !rounds(flags)) {
        for room in [1, 4, 9] {
            ring(to, format!("ring recv {flags:?} {room}"), move |_, fd| Operation::Recv {
                fd,
                buffer: vec![b'.'; room],
                flags,
            });
        }
    }
    for flags in every(
        &[SendFlags::DONTWAIT, SendFlags::NOSIGNAL, SendFlags::WAITALL],
        SendFlags::NONE,
        SendFlags::with,
    ) {
        for len in [0, 1, 9] {
            ring(to, format!("ring send {flags:?} {len}"), move |_, fd| Operation::Send {
                fd,
                buffer: vec![b's'; len],
                from: 0,
                flags,
            });
        }
    }
    for bits in [0, 0o4000, 0o2000000, 1, 2] {
        ring(to, format!("ring accept {bits:#o}"), move |_, fd| Operation::Accept {
            fd,
            flags: SocketFlags(bits),
            multishot: false,
        });
    }
    ring(to, "ring connect nowhere".to_owned(), |m: Maker<K>, fd| Operation::Connect {
        fd,
        address: nowhere(m, NONE),
    });
    for events in [
        Events::NONE,
        Events::IN,
        Events::OUT,
        Events::PRI,
        Events::RDHUP,
        Events::IN | Events::OUT | Events::ET,
    ] {
        ring(to, format!("ring poll {events:?}"), move |_, fd| Operation::PollAdd {
            fd,
            events,
            multishot: false,
        });
    }
    calls
}

/// Reading and writing: of files by a worker.
fn transfers<K: Kernel>() -> Vec<Call<K>> {
    let mut calls = Vec::new();
    let to = &mut calls;
    for offset in [0, 3, 100, u64::MAX] {
        for room in [1, 8, 128] {
            ring(to, format!("ring read {room} at {offset}"), move |_, fd| Operation::Read {
                fd,
                buffer: vec![b'.'; room],
                offset,
            });
            ring(to, format!("ring write {room} at {offset}"), move |_, fd| Operation::Write {
                fd,
                buffer: vec![0; room],
                offset,
            });
        }
    }
    calls
}

/// What a worker completes, whatever it is about.
fn workers<K: Kernel>() -> Vec<Call<K>> {
    let mut calls = Vec::new();
    let to = &mut calls;
    for how in [ShutdownHow::Read, ShutdownHow::Write, ShutdownHow::Both] {
        call(to, format!("ring shutdown {how:?}"), move |m: Maker<K>, fd| {
            operate(m.k, Operation::Shutdown { fd, how }, true)
        });
    }
    for data_only in [false, true] {
        call(to, format!("ring fsync {data_only}"), move |m: Maker<K>, fd| {
            operate(m.k, Operation::Fsync { fd, data_only }, true)
        });
    }
    call(to, "ring nop", |m: Maker<K>, _| operate(m.k, Operation::Nop, true));
    call(to, "ring cancel", |m: Maker<K>, _| operate(m.k, Operation::Cancel { user_data: 9 }, true));
    for room in [0, 1, 4, 8, 128] {
        call(to, format!("aio_read {room}"), move |m: Maker<K>, fd| {
            aio(m.k, fd, m.k.aio_read(fd, vec![b'.'; room], 3, SigEvent::None).map_err(|(errno, _)| errno))
        });
        call(to, format!("aio_write {room}"), move |m: Maker<K>, fd| {
            aio(m.k, fd, m.k.aio_write(fd, vec![0; room], 0, 3, SigEvent::None).map_err(|(errno, _)| errno))
        });
    }
    call(to, "aio_cancel", |m: Maker<K>, fd| m.k.aio_cancel(fd, None));
    calls
}

fn aio<K: Kernel>(k: K, fd: Fd, started: Result<AioId>) -> String {
    let Ok(id) = started else { return format!("{started:?}") };
    let waited = k.aio_suspend(&[id], LONG);
    let said = (waited, k.aio_error(id), k.aio_cancel(fd, Some(id)));
    let (result, buffer) = k.aio_return(id).unwrap();
    let bytes = &buffer[..result.unwrap_or(0).min(buffer.len()).min(9)];
    format!("{said:?} {result:?} {:?}", String::from_utf8_lossy(bytes))
}

products! {
    rings_of_connections: Inet connections rings;
    rings_of_datagrams: Inet datagrams rings;
    rings_of_unix_sockets: Unix unix rings;
    rings_of_others: Inet others rings;
    transfers_of_connections: Inet connections transfers;
    transfers_of_datagrams: Inet datagrams transfers;
    transfers_of_unix_sockets: Unix unix transfers;
    transfers_of_others: Inet others transfers;
    workers_of_connections: Inet connections workers;
    workers_of_datagrams: Inet datagrams workers;
    workers_of_unix_sockets: Unix unix workers;
    workers_of_others: Inet others workers;
}
