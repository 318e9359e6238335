//! What planned events do when their time has come: each is handed to its subject.

use super::World;
use crate::scheduler::Event;
use crate::syscall::aio;
use crate::syscall::descriptor;
use crate::syscall::posix_timer;
use crate::syscall::ring::work;
use crate::syscall::signal;
use crate::syscall::thread;
use crate::syscall::timer;

impl World {
    /// Lets it happen, now.
    #[inline]
    pub fn happen(&mut self, event: Event) {
        match event {
            // The most frequent one, without the call.
            Event::Arrive(conn, generation, side) => self.arrive(conn, generation, side as usize),
            other => self.happen_otherwise(other),
        }
    }

    fn happen_otherwise(&mut self, event: Event) {
        match event {
            Event::Thread(_) | Event::Arrive(..) => {}
            Event::Deadline(thread) => self.deadline(thread),
            Event::Space(conn, generation, side) => {
                self.on_network(|net| net.space(conn, generation, side as usize))
            }
            Event::Transmit(conn, generation, side) => {
                self.on_network(|net| net.transmit_again(conn, generation, side as usize))
            }
            Event::Syn(conn, generation) => self.on_network(|net| net.syn_arrives(conn, generation)),
            Event::SynAnswer(conn, generation, refused) => {
                self.on_network(|net| net.syn_answer(conn, generation, refused))
            }
            Event::Datagram(datagram) => self.on_network(|net| net.udp_arrives(datagram)),
            Event::Unreachable(sock, made) => self.on_network(|net| net.udp_unreachable(sock, made)),
            Event::Timer(file, number) => timer::fires(self, file, number),
            Event::PosixTimer(process, timer, number) => posix_timer::due(self, process, timer, number),
            Event::Alarm(process, number) => posix_timer::alarm_due(self, process, number),
            Event::RingOp(ring, op, number) => work::due(self, ring, op, number),
            Event::RingWork(ring, number) => work::planned(self, ring, number),
            Event::Aio(process, op) => aio::due(self, process, op),
            Event::FinAck(conn, generation, side) => {
                self.on_network(|net| net.fin_ack_due(conn, generation, side as usize))
            }
            Event::Probe(conn, generation, side) => {
                self.on_network(|net| net.probe(conn, generation, side as usize))
            }
            Event::Restart(process) => self.restart_process(process),
            Event::HostUp(host, crash) => self.host_up_again(host, crash),
            Event::Partition => self.net().partition_begins(),
            Event::Heal(number) => self.net().heal(|cut| cut.number == number),
            Event::Swizzle => self.net().swizzle_begins(),
            Event::CutOff(host, until) => self.net().cut_off(host, until),
            Event::Back(host, until) => self.net().back(host, until),
            Event::Quiet => self.net().heal_all(),
            Event::ClockStep(host) => self.clock_steps(host),
            Event::Release(file) => descriptor::release_file(self, file),
            Event::Interrupt(thread) => signal::interrupt_wait(self, thread),
            Event::Wakeup(thread) => thread::wake_spuriously(self, thread),
        }
    }

    /// Everything of one direction of a connection that is due arrives.
    #[inline(never)] // its registers are its own
    fn arrive(&mut self, conn: u32, generation: u32, side: usize) {
        while self.on_network(|net| net.next_arrives(conn, generation, side)) {}
    }
}
