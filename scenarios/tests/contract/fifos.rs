//! FIFOs (fifo(7)), and what files, directories and other descriptors say they are.

use crate::asleep::{Caller, Handler, Sleepers};
use crate::unix::{close_all, events, path};
use eagain_net::*;

const NONBLOCK: OpenFlags = OpenFlags(StatusFlags::NONBLOCK.0);
const READ: OpenFlags = OpenFlags(NONBLOCK.0);
const WRITE: OpenFlags = OpenFlags(OpenFlags::WRONLY.0 | NONBLOCK.0);
const BOTH: OpenFlags = OpenFlags(OpenFlags::RDWR.0 | NONBLOCK.0);
const SIGNAL: Signal = Signal::SIGUSR1;

fn fifo<K: Sleepers>(k: K, row: &str) -> String {
    let fifo = path(k, row);
    k.mkfifo(&fifo).unwrap();
    fifo
}

/// Opens it in another thread, and waits until that thread waits.
fn opener<K: Sleepers>(k: K, fifo: &str, flags: OpenFlags) -> Caller {
    let fifo = fifo.to_owned();
    Caller::start(k, move |k| k.open(&fifo, flags).map(|fd| fd.0 as usize))
}

fn end<K: Sleepers>(k: K, opener: Caller) -> Fd {
    Fd(opener.end(k).unwrap() as i32)
}

fn fifo_waits_for_the_other_direction<K: Sleepers>(k: K) {
    let fifo = fifo(k, "fifo-waits");
    assert_eq!(k.mkfifo(&fifo), Err(Errno::EEXIST));
    assert_eq!(k.mkfifo(&format!("{fifo}-none/x")), Err(Errno::ENOENT));
    assert_eq!(k.mkfifo(&format!("{fifo}-none/")), Err(Errno::ENOENT));
    assert_eq!(k.open(&fifo, WRITE), Err(Errno::ENXIO));
    let mut buffer = [0; 8];
    let reader = opener(k, &fifo, OpenFlags::NONE);
    assert!(!reader.is_over());
    let w = k.open(&fifo, WRITE).unwrap();
    let r = end(k, reader);
    assert_eq!((k.write(w, b"abc"), k.read(r, &mut buffer)), (Ok(3), Ok(3)));
    assert_eq!((k.read(w, &mut buffer), k.write(r, b"x")), (Err(Errno::EBADF), Err(Errno::EBADF)));
    close_all(k, &[r, w]);
    let writer = opener(k, &fifo, OpenFlags::WRONLY);
    assert!(!writer.is_over());
    // Whoever waits has it open: nobody else needs to wait.
    let r = k.open(&fifo, OpenFlags::NONE).unwrap();
    let w = end(k, writer);
    // A name that is gone changes nothing for who has it open.
    k.unlink(&fifo).unwrap();
    assert_eq!((k.write(w, b"abc"), k.read(r, &mut buffer)), (Ok(3), Ok(3)));
    assert_eq!(k.open(&fifo, READ), Err(Errno::ENOENT));
    close_all(k, &[r, w]);
}

fn fifo_is_hung_up_once_a_writer_has_been_there<K: Sleepers>(k: K) {
    let fifo = fifo(k, "fifo-hup");
    let mut buffer = [0; 8];
    let r = k.open(&fifo, READ).unwrap();
    assert_eq!((events(k, r), k.read(r, &mut buffer)), (Events::NONE, Ok(0)));
    let (one, two) = (k.open(&fifo, WRITE).unwrap(), k.open(&fifo, WRITE).unwrap());
    assert_eq!((events(k, r), k.read(r, &mut buffer)), (Events::NONE, Err(Errno::EAGAIN)));
    assert_eq!((k.write(one, b"1"), k.write(two, b"2")), (Ok(1), Ok(1)));
    k.close(one).unwrap();
    assert_eq!(events(k, r), Events::IN);
    k.close(two).unwrap();
    assert_eq!(events(k, r), Events::IN | Events::HUP);
    assert_eq!((k.read(r, &mut buffer), k.read(r, &mut buffer)), (Ok(2), Ok(0)));
    assert_eq!(events(k, r), Events::HUP);
    let w = k.open(&fifo, WRITE).unwrap();
    assert_eq!(events(k, r), Events::NONE);
    // A second reader that came when there was one is hung up as the first.
    let other = k.open(&fifo, READ).unwrap();
    k.close(w).unwrap();
    assert_eq!((events(k, r), events(k, other)), (Events::HUP, Events::HUP));
    let late = k.open(&fifo, READ).unwrap();
    assert_eq!((events(k, r), events(k, late)), (Events::HUP, Events::NONE));
    close_all(k, &[r, other, late]);
    k.unlink(&fifo).unwrap();
}

fn fifo_opened_for_both_waits_for_nobody<K: Sleepers>(k: K) {
    let fifo = fifo(k, "fifo-both");
    let mut buffer = [0; 8];
    let both = k.open(&fifo, OpenFlags::RDWR).unwrap();
    assert_eq!(events(k, both), Events::OUT);
    assert_eq!(k.write(both, b"abc"), Ok(3));
    assert_eq!(events(k, both), Events::IN | Events::OUT);
    assert_eq!((k.read(both, &mut buffer[..2]), &buffer[..2]), (Ok(2), &b"ab"[..]));
    // What is left in it is gone with the last who has it open.
    let r = k.open(&fifo, OpenFlags::NONE).unwrap();
    assert_eq!(events(k, r), Events::IN);
    close_all(k, &[r, both]);
    let both = k.open(&fifo, BOTH).unwrap();
    assert_eq!((events(k, both), k.read(both, &mut buffer)), (Events::OUT, Err(Errno::EAGAIN)));
    k.close(both).unwrap();
    k.unlink(&fifo).unwrap();
}

/// Who comes is an edge for those who read, and for nobody else.
fn edges_of_a_fifo<K: Sleepers>(k: K) {
    let fifo = fifo(k, "fifo-edges");
    let r = k.open(&fifo, READ).unwrap();
    let w = k.open(&fifo, WRITE).unwrap();
    let epoll = k.epoll_create().unwrap();
    for fd in [r, w] {
        k.epoll_ctl(epoll, EpollOp::Add, fd, Events::IN | Events::OUT | Events::ET, fd.0 as u64).unwrap();
    }
    let found = || {
        let mut found = [EpollEvent::default(); 4];
        let n = k.epoll_wait(epoll, &mut found, Some(std::time::Duration::ZERO), None).unwrap();
        found[..n].iter().map(|event| (event.data == r.0 as u64, event.events)).collect::<Vec<_>>()
    };
    assert_eq!(found(), [(false, Events::OUT)]);
    let other = k.open(&fifo, WRITE).unwrap();
    k.write(other, b"x").unwrap();
    assert_eq!(found(), [(true, Events::IN)]);
    k.close(w).unwrap();
    assert_eq!(found(), []);
    k.close(other).unwrap();
    assert_eq!(found(), [(true, Events::IN | Events::HUP)]);
    let again = k.open(&fifo, WRITE).unwrap();
    assert_eq!(found(), [(true, Events::IN)]);
    close_all(k, &[epoll, r, again]);
    k.unlink(&fifo).unwrap();
}

fn signal_ends_an_open_that_waits<K: Sleepers>(k: K) {
    let fifo = fifo(k, "fifo-signal");
    for restart in [false, true] {
        let handler = Handler::new(k, SIGNAL, restart);
        let reader = opener(k, &fifo, OpenFlags::NONE);
        handler.raise(k, reader.thread, SIGNAL);
        if restart {
            let w = k.open(&fifo, OpenFlags::WRONLY).unwrap();
            let r = end(k, reader);
            close_all(k, &[r, w]);
        } else {
            assert_eq!(reader.end(k), Err(Errno::EINTR));
        }
        // What waited has it open no more.
        assert_eq!(k.open(&fifo, WRITE), Err(Errno::ENXIO));
    }
    k.unlink(&fifo).unwrap();
}

fn modes_of_files<K: Sleepers>(k: K) {
    let folder = path(k, "modes");
    let (file, fifo) = (format!("{folder}/file"), format!("{folder}/fifo"));
    k.mkdir(&folder).unwrap();
    k.mkfifo(&fifo).unwrap();
    let fd = k.open(&file, OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
    let mode = |path: &str| k.stat(path).map(|stat| format!("{:o}", stat.mode));
    assert_eq!([&folder, &fifo, &file].map(|path| mode(path).unwrap()), ["40755", "10644", "100644"]);
    assert_eq!(k.stat(&file), k.fstat(fd));
    assert_eq!((k.chmod(&file, 0o4600), mode(&file)), (Ok(()), Ok("104600".to_owned())));
    assert_eq!((k.fchmod(fd, 0o17), mode(&file)), (Ok(()), Ok("100017".to_owned())));
    assert_eq!((k.chmod(&folder, 0o500), mode(&folder)), (Ok(()), Ok("40500".to_owned())));
    k.chmod(&folder, 0o755).unwrap();
    // Beside the pipe that it is.
    let r = k.open(&fifo, READ).unwrap();
    k.chmod(&fifo, 0o606).unwrap();
    assert_eq!(k.fstat(r).map(|stat| format!("{:o}", stat.mode)), Ok("10606".to_owned()));
    for wrong in ["", "/none/x", &format!("{folder}/none")] {
        assert_eq!((mode(wrong), k.chmod(wrong, 0)), (Err(Errno::ENOENT), Err(Errno::ENOENT)), "{wrong}");
    }
    let under = format!("{file}/x");
    assert_eq!((mode(&under), k.chmod(&under, 0)), (Err(Errno::ENOTDIR), Err(Errno::ENOTDIR)));
    assert_eq!(k.fchmod(Fd(9999), 0), Err(Errno::EBADF));
    close_all(k, &[fd, r]);
    k.unlink(&file).unwrap();
    k.unlink(&fifo).unwrap();
    k.rmdir(&folder).unwrap();
}

crate::bodies! {
    fifo_waits_for_the_other_direction
    fifo_is_hung_up_once_a_writer_has_been_there
    fifo_opened_for_both_waits_for_nobody
    edges_of_a_fifo
    signal_ends_an_open_that_waits
    modes_of_files
}
