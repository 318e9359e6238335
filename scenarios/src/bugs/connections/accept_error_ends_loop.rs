//! An accept loop that ends with its first error (tiny-http, grpc, twemproxy and others, 2014 to 2026): what `accept` says about
//! one connection, or about this moment, is taken for the end of the listener, and the thread returns. Repaired: after an error
//! that passes it accepts again, a little later where descriptors are short.

use crate::bugs::common::{PORT, allow, anywhere, clients, retry_when_full};
use crate::bugs::common_lines::echo_lines;
use crate::bugs::common_services::visit_until_served;
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "accept-error-ends-loop",
    "B27",
    'f',
    ["O10", "O16"],
    "any error of accept ends the accept loop for good"
);

/// Takes connections in, each into a thread of its own.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = retry_when_full(k, || TcpListener::bind(k, anywhere(PORT)))?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                thread::spawn(k, "session", move || echo_lines(k, &stream, Duration::from_millis(2)))?;
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                sometimes!("accept failed", true);
                if defect {
                    return Err(errno);
                }
                sleep(k, Duration::from_millis(5));
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::FdLimit]);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| {
        let _ = serve(k, defect);
    });
    clients(sim, 4, move |k| visit_until_served(k, address));
}
