//! Limits and addresses of sockets: what Linux does, where the simulator once did something else.

use eagain_net::{Domain, Kernel, SocketFlags, SocketOption, SocketOptionName};

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

crate::bodies! {
    buffers_asked_for_are_cut_at_wmem_max_and_rmem_max
}
