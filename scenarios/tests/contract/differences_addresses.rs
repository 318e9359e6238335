//! Limits and addresses of sockets: what Linux does, where the simulator once did something else.

use crate::compared_addresses::free_port;
use eagain_net::{Domain, Errno, Fd, Kernel, SocketAddr, SocketFlags, SocketOption, SocketOptionName};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANY6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
const LOOPBACK6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn socket(k: impl Kernel, ip: IpAddr) -> Fd {
    k.socket(Domain::of(SocketAddr::new(ip, 0)), SocketFlags::NONE).unwrap()
}

/// A listener at `ip`, and its port.
fn listener(k: impl Kernel, ip: IpAddr) -> (Fd, u16) {
    let l = socket(k, ip);
    k.bind(l, SocketAddr::new(ip, free_port(k, SocketFlags::NONE))).unwrap();
    k.listen(l, 16).unwrap();
    (l, k.getsockname(l).unwrap().port())
}

/// Connects to every address of `any`'s family, where a listener is at `listens`; both ends must be at `expected`.
fn connect_to_any(k: impl Kernel, any: IpAddr, bound: Option<IpAddr>, listens: IpAddr, expected: IpAddr) {
    let (l, port) = listener(k, listens);
    let c = socket(k, any);
    if let Some(ip) = bound {
        k.bind(c, SocketAddr::new(ip, 0)).unwrap();
    }
    assert_eq!(k.connect(c, SocketAddr::new(any, port)), Ok(()));
    let (s, from) = k.accept4(l, SocketFlags::NONE).unwrap();
    let (server, client) = (SocketAddr::new(expected, port), k.getsockname(c).unwrap());
    assert_eq!(client.ip(), expected);
    assert_eq!((from, k.getpeername(s)), (client, Ok(client)));
    assert_eq!((k.getpeername(c), k.getsockname(s)), (Ok(server), Ok(server)));
    for fd in [l, c, s] {
        k.close(fd).unwrap();
    }
}

fn connect_to_any_address_goes_to_loopback<K: Kernel>(k: K) {
    connect_to_any(k, ANY, None, ANY, LOOPBACK);
    connect_to_any(k, ANY, None, LOOPBACK, LOOPBACK);
    connect_to_any(k, ANY, Some(ANY), LOOPBACK, LOOPBACK);
}

fn connect_to_any_ipv6_address_goes_to_loopback<K: Kernel>(k: K) {
    connect_to_any(k, ANY6, None, ANY6, LOOPBACK6);
    connect_to_any(k, ANY6, None, LOOPBACK6, LOOPBACK6);
}

fn connect_to_any_address_goes_to_own_address_of_bound_socket<K: Kernel>(k: K) {
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
    connect_to_any(k, ANY, Some(own), own, own);
}

fn buffers_asked_for_are_cut_at_wmem_max_and_rmem_max<K: Kernel>(k: K) {
    let s = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    let sizes = [512 << 20, 1 << 30, i32::MAX as u32].map(|asked| {
        k.setsockopt(s, SocketOption::SendBuffer(asked)).unwrap();
        k.setsockopt(s, SocketOption::RecvBuffer(asked)).unwrap();
        [SocketOptionName::SendBuffer, SocketOptionName::RecvBuffer]
            .map(|name| k.getsockopt(s, name).unwrap())
    });
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
    let [SocketOption::SendBuffer(send), SocketOption::RecvBuffer(recv)] = sizes[0] else {
        panic!("{sizes:?}")
    };
    assert!(send < 512 << 20 && recv < 512 << 20, "{sizes:?}");
    k.close(s).unwrap();
}

/// Whether `second` can be bound to the port of a listener at `first`.
fn bind_beside(k: impl Kernel, first: IpAddr, second: IpAddr) -> Result<(), Errno> {
    let (l, port) = listener(k, first);
    let s = socket(k, second);
    let result = k.bind(s, SocketAddr::new(second, port));
    k.close(l).unwrap();
    k.close(s).unwrap();
    result
}

fn any_ipv4_address_and_ipv6_loopback_share_a_port<K: Kernel>(k: K) {
    for (first, second) in [(ANY, LOOPBACK6), (LOOPBACK, LOOPBACK6)] {
        assert_eq!(bind_beside(k, first, second), Ok(()));
        assert_eq!(bind_beside(k, second, first), Ok(()));
    }
}

fn any_ipv6_address_takes_port_of_both_families<K: Kernel>(k: K) {
    for other in [ANY, LOOPBACK, ANY6, LOOPBACK6] {
        assert_eq!(bind_beside(k, ANY6, other), Err(Errno::EADDRINUSE), "{other}");
        assert_eq!(bind_beside(k, other, ANY6), Err(Errno::EADDRINUSE), "{other}");
    }
}

fn ipv6_connect_does_not_reach_ipv4_listener<K: Kernel>(k: K) {
    for (listens, calls) in [(ANY, LOOPBACK6), (LOOPBACK, ANY6), (LOOPBACK6, LOOPBACK)] {
        let (l, port) = listener(k, listens);
        let c = socket(k, calls);
        assert_eq!(k.connect(c, SocketAddr::new(calls, port)), Err(Errno::ECONNREFUSED));
        k.close(l).unwrap();
        k.close(c).unwrap();
    }
}

crate::bodies! {
    any_ipv4_address_and_ipv6_loopback_share_a_port
    any_ipv6_address_takes_port_of_both_families
    ipv6_connect_does_not_reach_ipv4_listener
    connect_to_any_address_goes_to_loopback
    connect_to_any_ipv6_address_goes_to_loopback
    connect_to_any_address_goes_to_own_address_of_bound_socket
    buffers_asked_for_are_cut_at_wmem_max_and_rmem_max
}
