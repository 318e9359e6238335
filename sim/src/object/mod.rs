//! What descriptors refer to: open files, and the things behind them. Data and small steps only; the calls are in
//! `crate::syscall`, what travels between hosts is in `crate::network`.

mod aio;
mod counter;
mod descriptor_table;
mod device;
mod disk;
mod epoll_set;
mod locks;
mod open_file;
mod open_files;
mod pipe;
mod posix_timers;
mod resource_limits;
mod ring;
mod signal_queue;
mod signals;
mod table;
mod watcher;

pub(crate) use aio::{AioCall, AioOp, AioTable};
pub(crate) use counter::{EventCounter, TimerFd, TimerSetting};
pub(crate) use descriptor_table::DescriptorTable;
pub(crate) use device::{Device, OpenDevice};
pub(crate) use disk::{
    Access, Disk, Inode, LEN_MAX, Last, OpenDisk, S_IFIFO, S_IFSOCK, Special, TICK, check_path,
};
pub(crate) use epoll_set::{EpollSet, Item, PRIVATE};
pub(crate) use locks::{LockHolder, LockTarget, Locks};
pub(crate) use open_file::{Object, OpenFile};
pub(crate) use open_files::OpenFiles;
pub(crate) use pipe::{Pipe, PipeEnd};
pub(crate) use posix_timers::{Counts, Expiry, PosixTimer, PosixTimers, Target, elapsed};
pub(crate) use resource_limits::ResourceLimits;
pub(crate) use ring::{Away, Ended, LinkedTimeout, Ring, RingOp, UNMASK, Woken};
pub(crate) use signal_queue::SignalQueue;
pub(crate) use signals::{Delivery, Frame, KEPT, ProcessSignals, STOPS, ThreadSignals, UNSTOPPABLE};
pub(crate) use table::Table;
pub(crate) use watcher::Watcher;
