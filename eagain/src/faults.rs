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
    DISK_SLOW = DiskSlow, "Syncs take long.";
    DISK_SPACE = DiskSpace, "A disk is full for a while: ENOSPC.";
    PARTITION = Partition, "Two hosts cannot reach each other for a while.";
    RESET = Reset, "A connection is reset between two segments.";
    BLACK_HOLE = BlackHole, "A direction of a connection carries nothing any more.";
    CLOCK_DRIFT = ClockDrift, "Clocks of hosts run at different speeds.";
    FD_LIMIT = FdLimit, "The descriptor table is full for a while: EMFILE.";
}
