//! `close` with unread bytes (gunicorn 2026, nginx's lingering close): the kernel answers them with a reset, and the reset
//! takes along what of the reply has not left yet. Repaired: end the writing side, read to the end, then close.

use crate::bugs::common::{Lines, connect, expect_reply, listen, reply};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};

crate::bugs::planted!(
    "close-with-unread-body",
    "B21",
    'e',
    ["O2"],
    "close with unread request bytes resets the connection and cuts the reply short"
);

/// Answers the number in the first line by that many bytes, takes no interest in what comes behind it, and closes.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    listener.set_nonblocking(false)?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        if let Ok(Some(line)) = Lines::default().read(&stream) {
            let sent = stream.write_all(&reply(line.parse().unwrap_or(0)));
            if sent.is_ok() && !defect {
                linger(&stream);
            }
        }
    }
}

/// Nothing more to say; listens until the peer has ended as well.
fn linger<K: Kernel>(stream: &TcpStream<K>) {
    if stream.shutdown(ShutdownHow::Write).is_err() {
        return;
    }
    let mut bytes = [0; 512];
    loop {
        match stream.read(&mut bytes) {
            Ok(n) if n > 0 => {}
            Err(Errno::EINTR) => {}
            _ => return,
        }
    }
}

/// Posts a body with each request, and reads the reply.
fn post<K: Kernel>(k: K, server: SocketAddr) {
    for _ in 0..3 {
        let stream = connect(k, server);
        let length = choose("length", 1, 3000) as usize;
        let body = choose("body", 0, 600) as usize;
        stream.write_all(format!("{length}\n").as_bytes()).unwrap();
        // By a thread of its own: who waits for the reply must not wait for the body to be taken.
        let sender = stream.try_clone().unwrap();
        let sending = thread::spawn(k, "body", move || sender.write_all(&vec![b'.'; body])).unwrap();
        expect_reply(&stream, length);
        let sent = sending.join();
        sometimes!("the body met a closed connection", sent.is_some_and(|sent| sent.is_err()));
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| post(k, address));
}
