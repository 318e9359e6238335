//! What happens as time passes, with a driver that only notes which peers it is to look at; the time is a number: nobody sleeps. And what an
//! idle peer takes.

use super::super::awaiting_durability::AwaitingDurability;
use super::super::connection::Connection;
use super::super::peer::Flight;
use super::super::peers::SharedPeer;
use super::super::units::Units;
use super::*;
use crate::config::Config;
use crate::limits::Limits;
use crate::logic_unit::{ClientEntry, LogicUnit, Session, WallTime};
use crate::storage_unit::Memory;
use eagain_net::model::{AnyPoller, Interest, ModelKind, Poller};
use eagain_net::{Linux, ListenOptions, SocketAddr, TcpListener, TcpStream};

const SECOND: u64 = 1_000_000_000;

/// Notes which peers it is to look at.
struct Notes {
    context: Arc<LoopContext<Linux, Memory>>,
    resumed: Vec<u64>,
}

impl MainLoop<Linux, Memory> for Notes {
    fn context(&self) -> &Arc<LoopContext<Linux, Memory>> {
        &self.context
    }

    fn turn(&mut self, _: Option<Duration>) -> Result<Now, Errno> {
        unreachable!("the clock alone is looked at")
    }

    fn resume(&mut self, peer: &mut Peer<Linux>, _: Now) {
        self.resumed.push(peer.token);
    }

    fn listeners(&self) -> u64 {
        0
    }

    fn start_accepting(&mut self, _: u64) -> Result<(), Errno> {
        unreachable!("nobody asks for it")
    }

    fn stop_accepting(&mut self) {}
}

/// A loop with one peer that is closed after 10 s of silence.
struct Fixture {
    driver: Notes,
    token: u64,
    peer: SharedPeer<Linux>,
    /// The peer's own end: it stays open.
    _other_end: TcpStream<Linux>,
}

impl Fixture {
    fn new() -> Fixture {
        let config = Config::default();
        let logic = LogicUnit::new(config.clone(), Memory::new(1, 1), 1, WallTime::from_unix_ns(0));
        let units = Arc::new(Units::new(Linux, config, logic));
        let waker = AnyPoller::new(Linux, ModelKind::Epoll).unwrap().waker();
        let context = Arc::new(LoopContext::new(units, waker, false));
        let loopback = SocketAddr::V4("127.0.0.1:0".parse().unwrap());
        let listener = TcpListener::bind_with(Linux, loopback, &ListenOptions::default()).unwrap();
        let other_end = TcpStream::connect(Linux, listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let limits = Limits { idle_timeout_ns: 10 * SECOND, ..Limits::default() };
        let (token, peer) = context.peers.insert(
            Linux,
            Peer {
                stream,
                token: 0,
                client: 1,
                connection: Connection::new(&Arc::new(limits), 0),
                session: None,
                released: false,
                interest: Interest::READABLE,
                timer_ns: u64::MAX,
                flight: Flight::default(),
                awaiting: AwaitingDurability::default(),
            },
        );
        Fixture { driver: Notes { context, resumed: Vec::new() }, token, peer, _other_end: other_end }
    }

    fn context(&self) -> Arc<LoopContext<Linux, Memory>> {
        self.driver.context.clone()
    }

    /// Who is resumed when the clock shows this.
    fn resumed_at(&mut self, mono_ns: u64) -> Vec<u64> {
        let now = Now { mono_ns, wall: WallTime::from_unix_ns(0) };
        let context = self.context();
        look_at_the_clock(&mut self.driver, &context, now, false).unwrap();
        std::mem::take(&mut self.driver.resumed)
    }
}

#[test]
fn a_peer_for_which_another_look_was_asked_is_resumed_at_that_time() {
    let mut fixture = Fixture::new();
    fixture.context().look_at(fixture.token, 5);
    assert_eq!(fixture.resumed_at(4), []);
    assert_eq!(fixture.resumed_at(5), [fixture.token]);
    assert_eq!(fixture.resumed_at(u64::MAX), [], "one look was asked for");
}

#[test]
fn a_peer_that_somebody_holds_is_resumed_when_it_is_looked_at_again() {
    let mut fixture = Fixture::new();
    fixture.context().look_at(fixture.token, 5);
    let peer = fixture.peer.clone();
    let held = peer.lock();
    assert_eq!(fixture.resumed_at(5), []);
    drop(held);
    assert_eq!(fixture.resumed_at(5 + BUSY_NS - 1), []);
    assert_eq!(fixture.resumed_at(5 + BUSY_NS), [fixture.token]);
}

#[test]
fn a_deadline_that_has_moved_is_only_watched_again() {
    let mut fixture = Fixture::new();
    let (context, peer) = (fixture.context(), fixture.peer.clone());
    context.arm_deadline(&mut peer.lock());
    assert_eq!(peer.lock().timer_ns, 10 * SECOND);
    peer.lock().connection.receive(b"ECHO", 4 * SECOND);
    assert_eq!(fixture.resumed_at(10 * SECOND), []);
    assert_eq!(peer.lock().timer_ns, 14 * SECOND);
    assert!(!peer.lock().connection.is_closed());
    assert_eq!(fixture.resumed_at(14 * SECOND - 1), []);
    assert_eq!(fixture.resumed_at(14 * SECOND), [fixture.token]);
    assert_eq!(peer.lock().connection.close_reason(), Some(CloseReason::Idle));
}

/// Most of many clients are idle, and each of them costs these, and little else: what few need at a time belongs into a
/// box that the others do not have.
#[test]
fn an_idle_client_is_small() {
    let sizes =
        [size_of::<Connection>(), size_of::<Session>(), size_of::<Peer<Linux>>(), size_of::<ClientEntry>()];
    let at_most = [224, 96, 384, 112];
    assert!(
        sizes.iter().zip(at_most).all(|(size, most)| *size <= most),
        "{sizes:?} bytes, {at_most:?} at most"
    );
}
