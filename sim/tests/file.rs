//! Files: what the calls return, as on Linux; a disk that is full, slow, or fails to sync.

#[macro_use]
mod common;

use common::run;
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const NEW: OpenFlags = OpenFlags(OpenFlags::RDWR.0 | OpenFlags::CREAT.0);

fn read_all(k: SimKernel, path: &str) -> Vec<u8> {
    let fd = k.open(path, OpenFlags::NONE).unwrap();
    let mut all = vec![0; k.fstat(fd).unwrap().len as usize];
    assert_eq!(k.pread(fd, &mut all, 0), Ok(all.len()));
    k.close(fd).unwrap();
    all
}

row!(what_is_written_is_read_and_the_position_moves, |k| {
    let fd = k.open("/f", NEW).unwrap();
    assert_eq!(k.write(fd, b"hello "), Ok(6));
    assert_eq!(k.write(fd, b"world"), Ok(5));
    let mut buffer = [0; 4];
    assert_eq!(k.read(fd, &mut buffer), Ok(0), "the position is at the end");
    assert_eq!(k.pread(fd, &mut buffer, 9), Ok(2));
    assert_eq!(k.pwrite(fd, b"W", 6), Ok(1));
    assert_eq!(k.pwrite(fd, b"!", 13), Ok(1));
    assert_eq!(read_all(k, "/f"), b"hello World\0\0!");
    assert_eq!(k.ftruncate(fd, 5), Ok(()));
    let shown = |fd| k.fstat(fd).map(|stat| (stat.len, stat.is_dir, stat.mode));
    assert_eq!(shown(fd), Ok((5, false, 0o100_644)));
    let other = k.open("f", OpenFlags::NONE).unwrap();
    assert_eq!(k.read(other, &mut buffer), Ok(4));
    assert_eq!(k.read(other, &mut buffer), Ok(1));
    assert_eq!(k.write(other, b"x"), Err(Errno::EBADF));
    let writer = k.open("/f", OpenFlags::WRONLY | OpenFlags::TRUNC).unwrap();
    assert_eq!(k.read(writer, &mut buffer), Err(Errno::EBADF));
    assert_eq!(read_all(k, "/f"), b"");
});

row!(a_lock_is_one_open_files_until_its_last_descriptor_is_closed, |k| {
    let (first, second) = (k.open("/f", NEW).unwrap(), k.open("/f", NEW).unwrap());
    let lock = |fd| k.flock(fd, FileLock::Exclusive);
    assert_eq!((lock(first), lock(first), lock(second)), (Ok(()), Ok(()), Err(Errno::EAGAIN)));
    let duplicate = k.dup(first).unwrap();
    k.close(first).unwrap();
    assert_eq!(lock(second), Err(Errno::EAGAIN), "a duplicate is the same open file");
    k.close(duplicate).unwrap();
    assert_eq!((lock(second), lock(Fd(77))), (Ok(()), Err(Errno::EBADF)));
});

row!(counters_and_sets_of_a_host_are_one_inode_to_lock, |k| {
    let (counter, set) = (k.eventfd(0, SocketFlags::NONE).unwrap(), k.epoll_create().unwrap());
    let lock = |fd| k.flock(fd, FileLock::Exclusive);
    assert_eq!((lock(counter), lock(set)), (Ok(()), Err(Errno::EAGAIN)));
    k.close(counter).unwrap();
    assert_eq!(lock(set), Ok(()));
});

row!(o_append_goes_to_the_end_even_by_pwrite, |k| {
    let fd = k.open("/log", NEW | OpenFlags::APPEND).unwrap();
    k.write(fd, b"a").unwrap();
    k.write(k.open("/log", OpenFlags::WRONLY | OpenFlags::APPEND).unwrap(), b"b").unwrap();
    k.write(fd, b"c").unwrap();
    k.pwrite(fd, b"d", 0).unwrap();
    assert_eq!(read_all(k, "/log"), b"abcd");
});

row!(names_are_made_moved_and_removed, |k| {
    assert_eq!(k.open("/d/f", NEW), Err(Errno::ENOENT));
    k.mkdir("/d").unwrap();
    assert_eq!(k.mkdir("/d"), Err(Errno::EEXIST));
    let fd = k.open("/d/f", NEW).unwrap();
    assert_eq!(k.open("/d/f", NEW | OpenFlags::EXCL), Err(Errno::EEXIST));
    assert_eq!(k.open("/d/f/g", NEW), Err(Errno::ENOTDIR));
    assert_eq!(k.open("/d", OpenFlags::RDWR), Err(Errno::EISDIR));
    assert_eq!(k.open("/d/f", OpenFlags::DIRECTORY), Err(Errno::ENOTDIR));
    k.write(fd, b"new").unwrap();
    k.write(k.open("/d/g", NEW).unwrap(), b"old").unwrap();
    assert_eq!(k.read_dir("/d"), Ok(vec!["f".into(), "g".into()]));
    k.rename("/d/f", "/d/g").unwrap();
    assert_eq!(k.read_dir("/d"), Ok(vec!["g".into()]));
    assert_eq!(read_all(k, "/d/g"), b"new");
    assert_eq!(k.rename("/d/f", "/d/h"), Err(Errno::ENOENT));
    assert_eq!(k.rename("/d", "/d/inside"), Err(Errno::EINVAL));
    assert_eq!(k.rename("/d/g", "/d/"), Err(Errno::ENOTDIR));
    assert_eq!(k.unlink("/d"), Err(Errno::EISDIR));
    k.unlink("/d/g").unwrap();
    assert_eq!(k.unlink("/d/g"), Err(Errno::ENOENT));
    assert_eq!(k.pread(fd, &mut [0; 3], 0), Ok(3), "it lives on while it is open");
    let dir = k.open("/d", OpenFlags::DIRECTORY).unwrap();
    assert_eq!(k.fstat(dir).map(|stat| (stat.len, stat.is_dir, stat.mode)), Ok((0, true, 0o040_755)));
    assert_eq!(k.read(dir, &mut [0; 1]), Err(Errno::EISDIR));
    assert_eq!(k.fsync(dir), Ok(()));
});

row!(what_is_no_file_says_so, |k| {
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    assert_eq!(k.pread(event, &mut [0; 8], 0), Err(Errno::ESPIPE));
    assert_eq!(k.fsync(event), Err(Errno::EINVAL));
    assert_eq!(k.ftruncate(event, 0), Err(Errno::EINVAL));
    assert_eq!(k.pread(Fd(50), &mut [0; 8], 0), Err(Errno::EBADF));
    let fd = k.open("/f", NEW).unwrap();
    assert_eq!(k.recv(fd, &mut [0; 8], RecvFlags::NONE), Err(Errno::ENOTSOCK));
});

row!(e12_a_file_is_always_ready_and_no_matter_for_epoll, |k| {
    let fd = k.open("/f", NEW).unwrap();
    let epoll = k.epoll_create().unwrap();
    assert_eq!(k.epoll_ctl(epoll, EpollOp::Add, fd, Events::IN, 0), Err(Errno::EPERM));
    let mut asked = [PollFd::new(fd, Events::IN | Events::OUT)];
    assert_eq!(k.poll(&mut asked, None, None), Ok(1));
    assert_eq!(asked[0].revents, Events::IN | Events::OUT);
});

row!(rings_and_aio_know_files, |k| {
    let fd = k.open("/f", NEW).unwrap();
    let mut r = Ring::new(k, RingParams { entries: 8, cq_entries: 0, defer_taskrun: true }).unwrap();
    r.push(Submission {
        user_data: 1,
        operation: Operation::Write { fd, buffer: b"0123456789".to_vec(), offset: 0 },
        flags: SubmissionFlags::LINK,
    })
    .unwrap();
    r.fsync(2, fd, true).unwrap();
    r.read_at(3, fd, vec![0; 4], 3).unwrap();
    r.enter(3, None).unwrap();
    let mut all = Vec::new();
    r.reap(&mut all);
    let seen: Vec<_> = all.iter().map(|c| (c.user_data, c.result)).collect();
    assert_eq!(
        seen,
        [(3, 0), (1, 10), (2, 0)],
        "a read of what is in the cache does not wait for the worker that writes"
    );
    r.read_at(4, fd, vec![0; 4], 3).unwrap();
    r.enter(1, None).unwrap();
    all.clear();
    r.reap(&mut all);
    assert_eq!(all.iter().map(|c| (c.user_data, c.result)).collect::<Vec<_>>(), [(4, 4)]);
    assert_eq!(all[0].buffer.as_deref(), Some(&b"3456"[..]));
    let id = k.aio_write(fd, b"xy".to_vec(), 0, 10, SigEvent::None).unwrap();
    k.aio_suspend(&[id], None).unwrap();
    assert_eq!(k.aio_return(id).unwrap().0, Ok(2));
    assert_eq!(read_all(k, "/f"), b"0123456789xy");
});

#[test]
fn a_full_disk_writes_short_and_then_not_at_all() {
    common::check(|sim| {
        sim.knobs().disk_bytes = 1000;
        sim.faults(&[]);
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            let fd = k.open("/f", NEW).unwrap();
            assert_eq!(k.write(fd, &[1; 600]), Ok(600));
            assert_eq!(k.write(fd, &[2; 600]), Ok(400));
            assert_eq!(k.write(fd, &[3; 600]), Err(Errno::ENOSPC));
            assert_eq!(k.pwrite(fd, &[4; 600], 0), Ok(600), "what is there can be overwritten");
            k.ftruncate(fd, 100).unwrap();
            let other = k.open("/g", NEW).unwrap();
            assert_eq!(k.write(other, &[5; 2000]), Ok(900));
            k.unlink("/g").unwrap();
            assert_eq!(k.pwrite(fd, &[6; 9], 100), Err(Errno::ENOSPC), "it is still open");
            k.close(other).unwrap();
            assert_eq!(k.pwrite(fd, &[6; 9], 100), Ok(9));
        });
    });
}

#[test]
fn a_hole_takes_no_room_until_it_is_written() {
    common::check(|sim| {
        sim.knobs().disk_bytes = 1000;
        sim.faults(&[]);
        let host = sim.host("host");
        sim.client(host, "main", |k| {
            let fd = k.open("/a", OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
            assert_eq!(k.pwrite(fd, &[1; 100], 5000), Ok(100), "the gap before it is a hole");
            k.ftruncate(fd, 100_000).unwrap();
            assert_eq!(k.pwrite(fd, &[2; 600], 50_000), Ok(600));
            assert_eq!(k.pwrite(fd, &[3; 600], 4700), Ok(400), "300 in a hole, 100 over what is there");
            assert_eq!(k.pwrite(fd, &[4; 9], 200), Err(Errno::ENOSPC), "zeros too take room");
            assert_eq!(k.pwrite(fd, &[5; 700], 5000), Ok(100), "what is there is written over, and no more");
            k.ftruncate(fd, 5000).unwrap();
            assert_eq!(k.pwrite(fd, &[6; 900], 90_000), Ok(700), "300 are left");
            let mut bytes = [9; 5];
            assert_eq!(k.pread(fd, &mut bytes, 4698), Ok(5));
            assert_eq!(bytes, [0, 0, 3, 3, 3]);
        });
    });
}

/// Writes for a while, and notes what went wrong.
fn trouble(sim: &mut Sim) {
    sim.faults(&[Family::DiskSpace, Family::DiskSync, Family::DiskSlow]);
    let host = sim.host("host");
    sim.client(host, "main", |k| {
        let fd = k.open("/f", NEW).unwrap();
        let second = k.open("/f", OpenFlags::RDWR).unwrap();
        let mut written = 0;
        for _ in 0..60 {
            match k.write(fd, &[7; 3000]) {
                Ok(n) => written += n as u64,
                Err(errno) => assert_eq!(errno, Errno::ENOSPC),
            }
            assert_eq!(k.fstat(fd).unwrap().len, written);
            match k.fsync(fd) {
                Ok(()) => assert_eq!(k.fsync(second), Ok(())),
                Err(errno) => {
                    assert_eq!(errno, Errno::EIO);
                    assert_eq!(k.fsync(fd), Ok(()), "once");
                    assert_eq!(k.fsync(second), Err(Errno::EIO), "for each open file");
                    assert_eq!(k.fsync(second), Ok(()));
                }
            }
            k.nanosleep(Duration::from_millis(1)).unwrap();
        }
    });
}

#[test]
fn a_disk_is_full_slow_and_broken_at_times() {
    common::sweep(trouble, 0..100, &["disk.space", "disk.sync", "disk.slow"]);
    assert_eq!(run(trouble, Base::Zero).failure, None);
}
