//! The fault families that a world may switch on besides the usual ones, for [`World::may`](crate::World::may). All of them,
//! with what each changes: `eagain faults`.

use eagain_sim::fault::Family;

macro_rules! families {
    ($($name:ident = $family:ident, $text:literal;)*) => {
        $(#[doc = $text] pub const $name: Family = Family::$family;)*
    };
}

families! {
    PROCESS_KILL = ProcessKill, "A restarting process is killed at one of its calls.";
    HOST_POWER = HostPower, "The host of a restarting process loses power; what was not synced may be lost (`DISK_TORN` comes with it).";
    DISK_TORN = DiskTorn, "Of what a disk has not synced some is gone after a power failure; without it all of it gets there in time.";
    DISK_SYNC = DiskSync, "A sync of a file fails: EIO, once.";
    DISK_SLOW = DiskSlow, "A sync of a file takes 100 us to 3 s.";
    DISK_SPACE = DiskSpace, "A disk is full for 1 ms to 3 s: short writes, ENOSPC.";
    PARTITION = Partition, "Two hosts cannot reach each other, or one cannot reach the other, for 20 ms to 10 s.";
    RESET = Reset, "A connection is reset between two segments: ECONNRESET.";
    BLACK_HOLE = BlackHole, "A direction of a connection loses all that it carries for 50 ms to 20 s, acknowledgements too.";
    CLOCK_DRIFT = ClockDrift, "Clocks of hosts start elsewhere, and run up to 500 ppm too fast or too slow.";
    FD_LIMIT = FdLimit, "The descriptor table of a process is full for 1 ms to 1 s: EMFILE.";
}
