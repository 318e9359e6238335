//! POSIX AIO: what the calls give on what is non-blocking, and the queue that each descriptor number has.

crate::rows! {
    read_and_a_write_on_a_nonblocking_socket: "
        server l 2 = ok
        pair c s l = ok
        aio-read s 8 = EAGAIN
        aio-write c 4 = 4
        aio-read s 8 = 4
        aio-cancel s = AllDone
        aio-cancel z = EBADF
        aio-read s 0 = 0
        close c = ok
        aio-read s 8 = 0
        aio-write s 3 = 3
        aio-write s 3 = EPIPE
        aio-read z 3 = EBADF
    ";
    read_of_a_signalfd_sees_the_signals_of_the_process: "
        sigblock usr1 = ok
        signalfd g usr1 = ok
        raise usr1 = ok
        aio-read g 128 = EAGAIN
        read g 128 = 128
    ";
}

mod queue {
    use eagain_net::{
        AioCancel, AioId, AioState, Domain, Errno, Fd, MaskHow, Pipes, SendFlags, SigAction, SigEvent,
        SigSet, Signal, SocketFlags, UnixSockets, any_port,
    };
    use eagain_scenarios::conform::machine::Calls;
    use std::time::Duration;

    /// A connection whose ends wait.
    fn pair<K: Calls>(k: K) -> (Fd, Fd) {
        let listener = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.bind(listener, any_port()).unwrap();
        k.listen(listener, 1).unwrap();
        let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.connect(client, k.getsockname(listener).unwrap()).unwrap();
        let (server, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
        k.close(listener).unwrap();
        (client, server)
    }

    fn read<K: Calls>(k: K, fd: Fd, len: usize) -> AioId {
        k.aio_read(fd, vec![0; len], 0, SigEvent::None).unwrap()
    }

    fn write<K: Calls>(k: K, fd: Fd, bytes: &[u8]) -> AioId {
        k.aio_write(fd, bytes.to_vec(), 0, 0, SigEvent::None).unwrap()
    }

    fn end<K: Calls>(k: K, id: AioId) -> (eagain_net::Result<usize>, Vec<u8>) {
        while k.aio_suspend(&[id], None) == Err(Errno::EINTR) {}
        k.aio_return(id).unwrap()
    }

    fn write_behind_a_pending_read_of_the_same_number_waits<K: Calls>(k: K) {
        let (client, server) = pair(k);
        let reading = read(k, server, 8);
        let writing = write(k, server, b"hello");
        let other = write(k, k.dup(server).unwrap(), b"by a dup");
        assert_eq!(end(k, other).0, Ok(8));
        assert_eq!(k.aio_error(reading), Ok(AioState::InProgress));
        assert_eq!(k.aio_error(writing), Ok(AioState::InProgress), "although there is room");
        assert_eq!(k.aio_return(writing).map(|_| ()), Err(Errno::EINPROGRESS));
        k.send(client, b"x", SendFlags::NONE).unwrap();
        assert_eq!(end(k, reading), (Ok(1), b"x\0\0\0\0\0\0\0".to_vec()));
        assert_eq!(end(k, writing).0, Ok(5));
        assert_eq!(k.aio_return(writing).map(|_| ()), Err(Errno::EINVAL), "once");
    }

    /// SIGPIPE is for the thread of the library that writes, which blocks it.
    fn write_to_a_broken_pipe_signals_no_thread_of_the_program<K: Calls + Pipes>(k: K) {
        let set = SigSet::of(&[Signal::SIGPIPE]);
        let before = k.sigprocmask(MaskHow::Block, set).unwrap();
        let old = k.sigaction(Signal::SIGPIPE, SigAction::default_action()).unwrap();
        for flags in [SocketFlags::NONE, SocketFlags::NONBLOCK] {
            let (r, w) = k.pipe2(flags).unwrap();
            k.close(r).unwrap();
            let id = write(k, w, b"lost");
            assert_eq!(end(k, id).0, Err(Errno::EPIPE));
            assert!(!k.sigpending().unwrap().contains(Signal::SIGPIPE));
            assert_eq!(k.write(w, b"x"), Err(Errno::EPIPE));
            assert_eq!(
                k.sigtimedwait(set, Some(Duration::ZERO)).map(|info| info.signal),
                Ok(Signal::SIGPIPE)
            );
            k.close(w).unwrap();
        }
        k.sigaction(Signal::SIGPIPE, old).unwrap();
        k.sigprocmask(MaskHow::SetMask, before).unwrap();
    }

    fn write_to_a_pipe_goes_on_until_all_is_written<K: Calls + Pipes>(k: K) {
        let (r, w) = k.pipe2(SocketFlags::NONE).unwrap();
        let id = write(k, w, &vec![1; 200_000]);
        let mut left = 200_000;
        while left > 0 {
            left -= k.read(r, &mut vec![0; 30_000]).unwrap();
        }
        assert_eq!(end(k, id).0, Ok(200_000));
        let id = write(k, w, &vec![1; 200_000]);
        k.read(r, &mut [0; 4096]).unwrap();
        k.close(r).unwrap();
        let written = end(k, id).0.unwrap();
        assert!((65_536..200_000).contains(&written), "{written}");
        k.close(w).unwrap();
    }

    fn cancel_takes_what_is_queued<K: Calls>(k: K) {
        let (client, server) = pair(k);
        let (first, second) = (read(k, server, 1), read(k, server, 1));
        assert_eq!(k.aio_cancel(server, Some(second)), Ok(AioCancel::Canceled));
        assert_eq!(k.aio_error(second), Ok(AioState::Failed(Errno::ECANCELED)));
        assert_eq!(k.aio_cancel(server, Some(second)), Ok(AioCancel::AllDone));
        assert_eq!(k.aio_cancel(Fd(9_999), None), Err(Errno::EBADF));
        k.send(client, b"x", SendFlags::NONE).unwrap();
        assert_eq!(end(k, first), (Ok(1), b"x".to_vec()));
    }

    fn two_queued_reads_fill_in_order<K: Calls>(k: K) {
        let (client, server) = pair(k);
        let (first, second) = (read(k, server, 2), read(k, server, 2));
        k.send(client, b"ABCD", SendFlags::NONE).unwrap();
        assert_eq!(end(k, second), (Ok(2), b"CD".to_vec()));
        assert_eq!(end(k, first), (Ok(2), b"AB".to_vec()));
    }

    /// The model asks a listener for its address, to know of which family it is: what has none for another reason is refused.
    fn completer_accepts_from_sockets_only<K: Calls + UnixSockets>(k: K) {
        let mut completer = eagain_net::model::AioCompleter::new(k, 20).unwrap();
        let event = k.eventfd(0, SocketFlags::NONBLOCK).unwrap();
        assert_eq!(eagain_net::model::Completer::accept(&mut completer, event, 1), Err(Errno::ENOTSOCK));
        k.close(event).unwrap();
    }

    crate::bodies! {
        completer_accepts_from_sockets_only
        write_behind_a_pending_read_of_the_same_number_waits
        write_to_a_broken_pipe_signals_no_thread_of_the_program
        write_to_a_pipe_goes_on_until_all_is_written
        cancel_takes_what_is_queued
        two_queued_reads_fill_in_order
    }
}
