//! A buffer that is freed while an operation of a ring has it (TigerBeetle 2024, foyer, liburing's users): whoever closes a
//! connection frees its buffer, the kernel still writes into it, and by then it is somebody else's. Repaired: the operation is
//! cancelled, and the buffer is freed when it has completed.

use crate::bugs::common_ring::{OTHER, Receiving, build as build_server, pushed, serve};
use eagain_net::*;
use eagain_sim::{Sim, fail, sometimes};

crate::bugs::planted!(
    "buffer-freed-in-flight",
    "B57",
    'l',
    ["O12"],
    "a buffer is freed while a receive has it"
);

const LENGTH: usize = 64;

/// Memory that operations are given places in, as C has it: an operation knows an address, not an owner.
#[derive(Default)]
struct Arena {
    /// What is in each place, and the session that has it.
    places: Vec<(Vec<u8>, Option<u64>)>,
    defect: bool,
}

impl Arena {
    fn place_of(&self, session: u64) -> Option<usize> {
        self.places.iter().position(|&(_, owner)| owner == Some(session))
    }

    fn allocate(&mut self, session: u64) -> usize {
        let free = self.places.iter().position(|(_, owner)| owner.is_none());
        let place = free.unwrap_or_else(|| {
            self.places.push((vec![0; LENGTH], None));
            self.places.len() - 1
        });
        self.places[place].1 = Some(session);
        place
    }

    fn free(&mut self, session: u64) {
        if let Some(place) = self.place_of(session) {
            self.places[place].1 = None;
        }
    }
}

impl<K: Kernel> Receiving<K> for Arena {
    fn begin(&mut self, ring: &mut Ring<K>, session: u64, fd: Fd) -> Result<()> {
        if self.place_of(session).is_none() {
            self.allocate(session);
        }
        pushed(ring.recv(session, fd, vec![0; LENGTH]))
    }

    fn completed(&mut self, _: &mut Ring<K>, completed: Completed, is_open: bool) -> Result<Vec<u8>> {
        let session = completed.user_data;
        let received = completed.value();
        if let (Ok(count @ 1..), Some(buffer)) = (received, &completed.buffer) {
            // Here the kernel writes to the address that it was given.
            let Some(place) = self.place_of(session) else {
                fail("O12", "write into a freed buffer", format!("{count} bytes for session {session}"));
                return Ok(Vec::new());
            };
            self.places[place].0[..count].copy_from_slice(&buffer[..count]);
            if is_open {
                return Ok(self.places[place].0[..count].to_vec());
            }
        }
        self.free(session);
        received.map(|_| Vec::new())
    }

    fn closed(&mut self, ring: &mut Ring<K>, session: u64) -> Result<()> {
        sometimes!("a session was closed while it received", true);
        if self.defect {
            self.free(session);
            return Ok(());
        }
        pushed(ring.cancel(OTHER, session))
    }
}

fn build(sim: &mut Sim, defect: bool) {
    build_server(sim, move |k| serve(k, Arena { places: Vec::new(), defect }));
}
