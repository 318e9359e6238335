//! Sockets and pipes, as far as no trait of `net` has what is asked of them.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

/// 0, or why a call failed.
fn errno(result: c_int) -> c_int {
    if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) }
}

/// udp(7), tcp(7), ip(7), socket(7): what no trait of `net` has, and poll(2) with the bits that few ask for.
pub fn sockets() {
    let failed = |result: c_int| (result, errno(result));
    let family = std::mem::size_of::<libc::sa_family_t>() as libc::socklen_t;
    // SAFETY: the pointers are valid for what each call does with them.
    unsafe {
        let refused = [(libc::SOCK_STREAM, libc::IPPROTO_UDP), (libc::SOCK_DGRAM, libc::IPPROTO_TCP)];
        for (kind, protocol) in refused {
            assert_eq!(failed(libc::socket(libc::AF_INET, kind, protocol)), (-1, libc::EPROTONOSUPPORT));
        }
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDP);
        let name = || {
            let mut at: libc::sockaddr_in = std::mem::zeroed();
            let mut length = std::mem::size_of_val(&at) as libc::socklen_t;
            assert_eq!(libc::getsockname(fd, (&raw mut at).cast(), &mut length), 0);
            (u32::from_be(at.sin_addr.s_addr), u16::from_be(at.sin_port))
        };
        let mut to: libc::sockaddr_in = std::mem::zeroed();
        (to.sin_family, to.sin_port) = (libc::AF_INET as libc::sa_family_t, 9_u16.to_be());
        to.sin_addr.s_addr = 0x7f00_0001_u32.to_be();
        let whole = std::mem::size_of_val(&to) as libc::socklen_t;
        assert_eq!(libc::connect(fd, (&raw const to).cast(), whole), 0);
        assert!(name().0 == 0x7f00_0001 && name().1 != 0);
        // Neither address nor port was given by `bind`: both are gone.
        to.sin_family = libc::AF_UNSPEC as libc::sa_family_t;
        assert_eq!(libc::connect(fd, (&raw const to).cast(), family), 0);
        assert_eq!(name(), (0, 0));
        let (at, length) = ((&raw mut to).cast(), &mut { whole });
        assert_eq!(failed(libc::getpeername(fd, at, length)), (-1, libc::ENOTCONN));
        // The queue of errors is empty, and nobody waits for it.
        let mut byte = [0_u8];
        let got = libc::recv(fd, byte.as_mut_ptr().cast(), 1, libc::MSG_ERRQUEUE);
        assert_eq!(failed(got as c_int), (-1, libc::EAGAIN));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let other = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        for (fd, listens) in [(listener.as_raw_fd(), 1), (other, 0)] {
            let (mut value, mut length) = (7, std::mem::size_of::<c_int>() as libc::socklen_t);
            let option = libc::SO_ACCEPTCONN;
            assert_eq!(
                libc::getsockopt(fd, libc::SOL_SOCKET, option, (&raw mut value).cast(), &mut length),
                0
            );
            assert_eq!(value, listens);
            let set = libc::setsockopt(fd, libc::SOL_SOCKET, option, (&raw const value).cast(), length);
            assert_eq!(failed(set), (-1, libc::ENOPROTOOPT));
        }
        // A pipe of one page holds one, and one that grows lets a writer go on (pipe(7)).
        let mut ends = [0; 2];
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let [reader, writer] = ends;
        assert_eq!(libc::fcntl(writer, libc::F_GETPIPE_SZ), 65_536);
        assert_eq!(libc::fcntl(writer, libc::F_SETPIPE_SZ, 1), 4096);
        let page = [7_u8; 4096];
        let write = move || libc::write(writer, page.as_ptr().cast(), page.len());
        assert_eq!(write(), 4096);
        let blocked = std::thread::spawn(write);
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert_eq!(libc::fcntl(reader, libc::F_SETPIPE_SZ, 5000), 8192);
        assert_eq!(blocked.join().unwrap(), 4096);
        assert_eq!(failed(libc::fcntl(reader, libc::F_SETPIPE_SZ, 4096)), (-1, libc::EBUSY));
        assert_eq!(failed(libc::fcntl(fd, libc::F_GETPIPE_SZ)), (-1, libc::EBADF));
        // In a thread of its own it wakes whoever waits for it alone.
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || std::net::TcpStream::connect(address).unwrap());
        let mut entry = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLRDNORM, revents: 0 };
        assert_eq!((libc::poll(&mut entry, 1, -1), entry.revents), (1, libc::POLLRDNORM));
        drop(client.join().unwrap());
    }
}

/// What a call of `setsockopt(2)` and one of `getsockopt(2)` come to: the errno, or 0; the length, and the bytes up to there.
fn options_of(fd: c_int, (level, name): (c_int, c_int)) -> Vec<(c_int, c_int, libc::socklen_t, [u8; 5])> {
    let lengths = [0, 1, 3, 4, 5];
    let each = lengths.into_iter().map(|length: libc::socklen_t| {
        let (value, mut got, mut room) = ([5_u8, 0, 0, 0, 0], [0xee; 5], length);
        // SAFETY: the buffers are as long as they say.
        unsafe {
            let set = errno(libc::setsockopt(fd, level, name, value.as_ptr().cast(), length));
            let get = errno(libc::getsockopt(fd, level, name, got.as_mut_ptr().cast(), &raw mut room));
            (set, get, room, got)
        }
    });
    each.collect()
}

/// Names without a family, and flags that pipes do not have: errno, or 0, and whether a port is bound then.
pub fn names() -> Vec<String> {
    let mut lines = Vec::new();
    for (family, kind) in [
        (libc::AF_INET, libc::SOCK_STREAM),
        (libc::AF_INET, libc::SOCK_DGRAM),
        (libc::AF_INET6, libc::SOCK_DGRAM),
        (libc::AF_UNIX, libc::SOCK_DGRAM),
    ] {
        for (address, length) in [(0_u32, 16), (0x0100_007f, 16), (0, 2), (0, 8)] {
            // SAFETY: the addresses are as long as they say, and the descriptor is nobody else's.
            unsafe {
                let fd = libc::socket(family, kind, 0);
                let mut at: libc::sockaddr_in = std::mem::zeroed();
                at.sin_addr.s_addr = address;
                let bound = errno(libc::bind(fd, (&raw const at).cast(), length));
                let (mut name, mut room): (libc::sockaddr_in, _) = (std::mem::zeroed(), 16);
                libc::getsockname(fd, (&raw mut name).cast(), &raw mut room);
                lines.push(format!("{family} {kind} {address} {length}: {bound} {}", name.sin_port != 0));
                libc::close(fd);
            }
        }
    }
    for flags in [0x1, 0xd6ad, libc::O_APPEND] {
        // SAFETY: there is room for two descriptors, and there will be none.
        lines.push(format!("pipe2 {flags}: {}", errno(unsafe { libc::pipe2([0; 2].as_mut_ptr(), flags) })));
    }
    lines
}

/// Lengths of values, levels and options that are not there.
pub fn options() -> Vec<String> {
    let options = [
        (libc::SOL_SOCKET, libc::SO_PRIORITY),
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
        (libc::SOL_SOCKET, libc::SO_TYPE),
        (libc::SOL_SOCKET, 9999),
        (libc::IPPROTO_TCP, libc::TCP_NODELAY),
        (libc::IPPROTO_TCP, libc::TCP_CORK),
        (libc::IPPROTO_IP, libc::IP_TOS),
        (libc::IPPROTO_IP, libc::IP_TTL),
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
        (libc::IPPROTO_IP, 9999),
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
        (77, 1),
    ];
    let mut lines = Vec::new();
    for (family, kind) in [
        (libc::AF_INET, libc::SOCK_STREAM),
        (libc::AF_INET6, libc::SOCK_STREAM),
        (libc::AF_INET, libc::SOCK_DGRAM),
        (libc::AF_INET6, libc::SOCK_DGRAM),
        (libc::AF_UNIX, libc::SOCK_STREAM),
    ] {
        for option in options {
            // SAFETY: no memory is touched.
            let fd = unsafe { libc::socket(family, kind, 0) };
            lines.push(format!("{family} {kind} {option:?}: {:?}", options_of(fd, option)));
            // SAFETY: as above; nobody else has it.
            unsafe { libc::close(fd) };
        }
    }
    lines
}
