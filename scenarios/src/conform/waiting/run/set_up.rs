//! What a program begins with: its workers, and an object in each slot.

use super::*;

/// What is in the slots at first.
const KINDS: &[(&[Slot], &str)] = &[
    (&[L], "listener"),
    (&[A, B, C, D], "connection"),
    (&[V], "counter"),
    (&[E], "set"),
    (&[P, Q], "pipe"),
    (&[N], "unconnected"),
    (&[S, T], "unix"),
    (&[U, W], "udp"),
    (&[G], "signalfd"),
    (&[F, H], "file"),
];

impl<K: Kernel> Program<K> {
    pub(super) fn socket(&self, flags: SocketFlags) -> Result<Fd> {
        let fd = self.k.socket(Domain::Inet, flags)?;
        self.k.setsockopt(fd, SocketOption::NoDelay(true))?;
        Ok(fd)
    }

    fn connection(&mut self, client: Slot, server: Slot) -> Result<()> {
        let fd = self.socket(SocketFlags::NONE)?;
        self.k.connect(fd, self.address)?;
        let (other, _) = self.k.accept4(self.slots[L as usize], SocketFlags::NONE)?;
        self.put(client, fd, None);
        self.put(server, other, None);
        let [one, two] = [client, server].map(|slot| self.objects[slot as usize]);
        self.peers.extend([(one, two), (two, one)]);
        Ok(())
    }

    pub(super) fn set_up(&mut self) -> Result<()> {
        let k = self.k;
        for (signal, restart) in [(RESTARTS, true), (ENDS, false)] {
            k.sigaction(signal, SigAction::handler(restart, |_| {}))?;
        }
        k.sigprocmask(MaskHow::Unblock, SigSet::of(&[RESTARTS, ENDS]))?;
        k.sigprocmask(MaskHow::Block, SigSet::of(&AWAITED))?;
        let real = TypeId::of::<K>() == TypeId::of::<Linux>();
        for _ in 0..WORKERS {
            let desk = Arc::new(Desk::default());
            let (inside, words) = (desk.clone(), self.words.clone());
            let thread = k.spawn("worker", Box::new(move || work(k, &inside, words)))?;
            let stat = real.then(|| File::open(format!("/proc/self/task/{}/stat", thread.0)).ok()).flatten();
            self.workers.push(Worker {
                thread,
                desk,
                call: None,
                waited: false,
                met: Default::default(),
                stat,
            });
        }
        let listener = self.socket(SocketFlags::NONE)?;
        self.put(L, listener, None);
        k.bind(listener, self.address)?;
        k.listen(listener, 0)?;
        self.address = k.getsockname(listener)?;
        self.connection(A, B)?;
        self.connection(C, D)?;
        let counter = k.eventfd(0, SocketFlags::NONE)?;
        self.put(V, counter, None);
        let set = k.epoll_create()?;
        self.put(E, set, None);
        let (reader, writer) = k.pipe2(SocketFlags::NONE)?;
        self.put(P, reader, None);
        self.put(Q, writer, None);
        let socket = self.socket(SocketFlags::NONE)?;
        self.put(N, socket, None);
        let (one, other) = k.socketpair(SocketFlags::NONE)?;
        self.put(S, one, None);
        self.put(T, other, None);
        let receiver = k.socket(Domain::Inet6, SocketFlags::DGRAM)?;
        self.put(U, receiver, None);
        k.bind(receiver, SocketAddr::from((Ipv6Addr::LOCALHOST, 0)))?;
        let sender = k.socket(Domain::Inet6, SocketFlags::DGRAM)?;
        self.put(W, sender, None);
        k.connect(sender, k.getsockname(receiver)?)?;
        let signals = k.signalfd(SigSet::of(&AWAITED), SocketFlags::NONE)?;
        self.put(G, signals, None);
        // Until its descriptors are closed it has no name.
        let path = format!("/var/tmp/eagain-waiting-{:010}", k.getpid());
        for slot in [F, H] {
            let file = k.open(&path, OpenFlags::CREAT | OpenFlags::RDWR)?;
            self.put(slot, file, None);
        }
        k.unlink(&path)?;
        for (slots, kind) in KINDS {
            self.kinds.extend(slots.iter().map(|&slot| (self.objects[slot as usize], *kind)));
        }
        Ok(())
    }
}
