//! Pipes, the duplicates of descriptors, and where a file is read next.

use crate::asleep::{Caller, Sleepers};
use crate::unix::{NONBLOCK, NOW, close_all, events};
use eagain_net::*;
use std::io::SeekFrom;

fn pipe_carries_bytes_one_way<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(NONBLOCK).unwrap();
    assert!(r.0 < w.0);
    let mut buffer = [0; 8];
    assert_eq!((events(k, r), events(k, w)), (Events::NONE, Events::OUT));
    assert_eq!(k.read(r, &mut buffer), Err(Errno::EAGAIN));
    assert_eq!((k.read(r, &mut []), k.write(w, b"")), (Ok(0), Ok(0)));
    assert_eq!((k.read(w, &mut buffer), k.write(r, b"x")), (Err(Errno::EBADF), Err(Errno::EBADF)));
    assert_eq!((k.write(w, b"abc"), k.write(w, b"def")), (Ok(3), Ok(3)));
    assert_eq!((events(k, r), events(k, w)), (Events::IN, Events::OUT));
    assert_eq!((k.read(r, &mut buffer[..4]), &buffer[..4]), (Ok(4), &b"abcd"[..]));
    assert_eq!(k.recv(r, &mut buffer, RecvFlags::NONE), Err(Errno::ENOTSOCK));
    assert_eq!(k.lseek(r, SeekFrom::Start(0)), Err(Errno::ESPIPE));
    assert_eq!(k.pread(r, &mut buffer, 0), Err(Errno::ESPIPE));
    assert_eq!(k.fsync(w), Err(Errno::EINVAL));
    k.close(w).unwrap();
    assert_eq!(events(k, r), Events::IN | Events::HUP);
    assert_eq!((k.read(r, &mut buffer), k.read(r, &mut buffer)), (Ok(2), Ok(0)));
    assert_eq!(events(k, r), Events::HUP);
    k.close(r).unwrap();
}

fn pipe_nobody_reads_is_broken<K: Sleepers>(k: K) {
    let set = SigSet::of(&[Signal::SIGPIPE]);
    let before = k.sigprocmask(MaskHow::Block, set).unwrap();
    let old = k.sigaction(Signal::SIGPIPE, SigAction::default_action()).unwrap();
    let (r, w) = k.pipe2(NONBLOCK).unwrap();
    k.write(w, b"lost").unwrap();
    k.close(r).unwrap();
    assert_eq!(events(k, w), Events::OUT | Events::ERR);
    assert_eq!(k.write(w, b"x"), Err(Errno::EPIPE));
    assert_eq!(k.sigtimedwait(set, NOW).map(|info| info.signal), Ok(Signal::SIGPIPE));
    k.close(w).unwrap();
    k.sigaction(Signal::SIGPIPE, old).unwrap();
    k.sigprocmask(MaskHow::SetMask, before).unwrap();
}

/// Writes pieces of `size` bytes until the pipe is full; how much it took.
fn fill<K: Sleepers>(k: K, w: Fd, size: usize) -> usize {
    let bytes = vec![1; size];
    let mut written = 0;
    loop {
        match k.write(w, &bytes) {
            Ok(n) => written += n,
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                return written;
            }
        }
    }
}

fn pipe_has_sixteen_pages<K: Sleepers>(k: K) {
    for (size, taken) in [(1, 65_536), (4096, 65_536), (3000, 48_000), (5000, 54_096), (100_000, 65_536)] {
        let (r, w) = k.pipe2(NONBLOCK).unwrap();
        assert_eq!(fill(k, w, size), taken, "{size}");
        assert_eq!(events(k, w), Events::NONE);
        // There is room when a page is read whole.
        let mut buffer = vec![0; size.min(4096)];
        k.read(r, &mut buffer[..1]).unwrap();
        assert_eq!((events(k, w), k.write(w, &[2; 4096])), (Events::NONE, Err(Errno::EAGAIN)));
        // What is left of a page takes a little more, though nothing is writable.
        if size == 3000 {
            assert_eq!(k.write(w, b"x"), Ok(1));
        }
        let mut read = 1;
        while events(k, w) == Events::NONE {
            read += k.read(r, &mut buffer).unwrap();
        }
        assert!(read <= 4097, "{size}: {read}");
        // Up to `PIPE_BUF` bytes are written whole or not at all.
        assert_eq!(k.write(w, &[2; 4096]), Ok(4096));
        assert_eq!(k.write(w, &[2; 4096]), Err(Errno::EAGAIN));
        close_all(k, &[r, w]);
    }
}

fn edges_of_a_pipe<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(NONBLOCK).unwrap();
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, r, Events::IN | Events::ET, 1).unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, w, Events::OUT | Events::ET, 2).unwrap();
    let edges = || {
        let mut events = [EpollEvent::default(); 4];
        let n = k.epoll_wait(epoll, &mut events, NOW, None).unwrap();
        let mut found: Vec<_> = events[..n].iter().map(|event| (event.data, event.events)).collect();
        found.sort_by_key(|&(data, _)| data);
        found
    };
    assert_eq!((edges(), edges()), (vec![(2, Events::OUT)], vec![]));
    k.write(w, b"abc").unwrap();
    assert_eq!((edges(), edges()), (vec![(1, Events::IN)], vec![]));
    k.write(w, b"def").unwrap();
    assert_eq!(edges(), [(1, Events::IN)], "also where something was there already");
    k.read(r, &mut [0; 4]).unwrap();
    assert_eq!(edges(), []);
    fill(k, w, 4096);
    assert_eq!(edges(), [(1, Events::IN)]);
    k.read(r, &mut vec![0; 10_000]).unwrap();
    assert_eq!(edges(), [(2, Events::OUT)]);
    k.close(w).unwrap();
    assert_eq!(edges(), [(1, Events::IN | Events::HUP)]);
    close_all(k, &[r, epoll]);
}

fn ends_of_a_pipe_wait_for_each_other<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(SocketFlags::NONE).unwrap();
    let caller = Caller::start(k, move |k| k.read(r, &mut [0; 8]));
    k.write(w, b"abc").unwrap();
    assert_eq!(caller.end(k), Ok(3));
    let caller = Caller::start(k, move |k| k.write(w, &vec![1; 200_000]));
    let mut read = 0;
    while read < 200_000 {
        read += k.read(r, &mut vec![0; 10_000]).unwrap();
    }
    assert_eq!(caller.end(k), Ok(200_000));
    let caller = Caller::start(k, move |k| k.read(r, &mut [0; 8]));
    k.close(w).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    k.close(r).unwrap();
}

fn duplicate_takes_the_number_it_is_given<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(NONBLOCK).unwrap();
    let high = k.fcntl_dupfd(w, 100).unwrap();
    assert!(high.0 >= 100);
    let next = k.fcntl_dupfd(w, high.0).unwrap();
    assert!(next.0 > high.0);
    assert_eq!(k.fcntl_dupfd(w, -1), Err(Errno::EINVAL));
    assert_eq!(k.fcntl_dupfd(Fd(-1), 3), Err(Errno::EBADF));
    let event = k.eventfd(0, NONBLOCK).unwrap();
    assert_eq!(k.dup3(high, event), Ok(event));
    assert_eq!((k.write(event, b"through"), k.read(r, &mut [0; 9])), (Ok(7), Ok(7)));
    assert_eq!(k.dup3(r, r), Err(Errno::EINVAL));
    assert_eq!(k.dup3(r, Fd(-1)), Err(Errno::EBADF));
    assert_eq!(k.dup3(Fd(-1), r), Err(Errno::EBADF));
    close_all(k, &[w, high, next]);
    assert_eq!(events(k, r), Events::NONE, "one duplicate is left");
    k.close(event).unwrap();
    assert_eq!(events(k, r), Events::HUP);
    // The last descriptor of something goes when its number is taken.
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    k.dup3(r, b).unwrap();
    assert_eq!(events(k, a), Events::IN | Events::OUT | Events::HUP | Events::RDHUP);
    close_all(k, &[r, a, b]);
}

fn seek_moves_the_open_file<K: Sleepers>(k: K) {
    let path = crate::unix::path(k, "seek");
    let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    k.unlink(&path).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(k.write(file, b"0123456789"), Ok(10));
    assert_eq!(k.lseek(file, SeekFrom::Current(0)), Ok(10));
    assert_eq!(k.lseek(file, SeekFrom::Start(4)), Ok(4));
    assert_eq!((k.read(file, &mut buffer[..2]), &buffer[..2]), (Ok(2), &b"45"[..]));
    assert_eq!(k.lseek(file, SeekFrom::Current(-3)), Ok(3));
    assert_eq!(k.lseek(file, SeekFrom::End(-1)), Ok(9));
    assert_eq!(k.lseek(file, SeekFrom::End(5)), Ok(15));
    assert_eq!(k.read(file, &mut buffer), Ok(0));
    assert_eq!(k.write(file, b"x"), Ok(1));
    assert_eq!(k.fstat(file).unwrap().len, 16);
    for wrong in
        [SeekFrom::Current(-17), SeekFrom::End(-17), SeekFrom::Start(1 << 63), SeekFrom::Start(u64::MAX)]
    {
        assert_eq!(k.lseek(file, wrong), Err(Errno::EINVAL), "{wrong:?}");
    }
    let same = k.dup(file).unwrap();
    assert_eq!(k.lseek(same, SeekFrom::Current(0)), Ok(16), "the position is the open file's");
    close_all(k, &[file, same]);
}

crate::bodies! {
    pipe_carries_bytes_one_way
    pipe_nobody_reads_is_broken
    pipe_has_sixteen_pages
    edges_of_a_pipe
    ends_of_a_pipe_wait_for_each_other
    duplicate_takes_the_number_it_is_given
    seek_moves_the_open_file
}
