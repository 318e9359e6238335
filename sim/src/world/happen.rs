//! What the agenda's entries do when their time has come; each hands over to the file of its subject.

use super::World;
use crate::agenda::Happening;

impl World {
    /// Lets it happen, now.
    pub fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Thread(_) => {}
            Happening::Deadline(thread) => self.deadline(thread),
            Happening::Arrive(conn, generation, side) => self.arrive(conn, generation, side as usize),
            Happening::Space(conn, generation, side) => self.space(conn, generation, side as usize),
            Happening::Pump(conn, generation, side) => self.pump_again(conn, generation, side as usize),
            Happening::Syn(conn, generation) => self.syn_arrives(conn, generation),
            Happening::SynAnswer(conn, generation, refused) => self.syn_answer(conn, generation, refused),
            Happening::Timer(file, generation) => self.timer_fires(file, generation),
            Happening::RingOp(ring, op, number) => self.ring_op_due(ring, op, number),
            Happening::RingWork(ring, number) => self.ring_work_planned(ring, number),
            Happening::Aio(process, op) => self.aio_due(process, op),
            Happening::FinAck(conn, generation, side) => self.fin_ack_due(conn, generation, side as usize),
            Happening::Restart(process) => self.restart_process(process),
            Happening::HostUp(host) => self.host_up(host),
            Happening::Partition => self.partition_begins(),
            Happening::Heal(number) => self.heal(|cut| cut.number == number),
            Happening::Swizzle => self.swizzle_begins(),
            Happening::CutOff(host, until) => self.cut_off(host, until),
            Happening::Back(host, until) => self.back(host, until),
            Happening::Quiet => self.heal_all(),
            Happening::ClockStep(host) => self.clock_steps(host),
            Happening::Fault(thread) => self.interrupt_now(thread),
        }
    }
}
