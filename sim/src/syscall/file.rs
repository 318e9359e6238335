//! Files (fs/open.c, fs/read_write.c), and what a disk can do to them: be full, be slow, fail to sync.

use super::descriptor;
use super::device;
use super::names;
use super::pipe::{self, Opening};
use crate::choice::{Distribution, Domain};
use crate::fault::Family;
use crate::object::{Access, Disk, Inode, LEN_MAX, Last, Object, OpenDevice, OpenDisk, Special, check_path};
use crate::scheduler::Step;
use crate::world::World;
use eagain_net::{ClockId, Errno, Fd, OpenFlags, Result, StatusFlags};
use std::io::SeekFrom;

/// What it takes a disk to make data durable, in nanoseconds.
const SYNC_NS: u64 = 100_000;
/// `MAX_RW_COUNT`.
pub(super) const TRANSFER_MAX: usize = 0x7fff_f000;
/// `O_ACCMODE`.
const ACCESS: i32 = 3;
/// How many bytes a disk that counts as full still takes.
const ROOM: Domain = Domain("disk.room");

/// The disk of the host that the running thread is on.
pub(super) fn my_disk(w: &mut World) -> &mut Disk {
    let host = w.my_host();
    let disk = disk_now(w, host);
    disk.format_if_new();
    disk
}

/// The disk of a host, to be changed now.
pub(super) fn disk_now(w: &mut World, host: u32) -> &mut Disk {
    let now = w.hosts[host].clock(ClockId::Realtime, w.run.now());
    let disk = &mut w.hosts[host].disk;
    disk.set_time(now);
    disk
}

pub(super) fn get_open(w: &mut World, file: u32) -> Option<&mut OpenDisk> {
    match w.files.object_mut(file) {
        Some(Object::File(open)) => Some(open),
        _ => None,
    }
}

/// Which file of which host an open file is.
pub(super) fn identity(w: &mut World, file: u32) -> Option<(u32, u32)> {
    get_open(w, file).map(|open| (open.host, open.inode))
}

pub(super) fn is_writable(w: &mut World, file: u32) -> bool {
    get_open(w, file).is_some_and(|open| open.access.writable)
}

/// What may be done with what has a name; `None`: it is a socket or the like.
pub(super) fn access(w: &World, file: u32) -> Option<Access> {
    match &w.files[file].object {
        Object::File(open) => Some(open.access),
        Object::Device(open) => Some(open.access),
        _ => None,
    }
}

/// Whether a read there finds bytes; without an offset, at the position.
pub(super) fn has_bytes(w: &mut World, file: u32, offset: Option<u64>) -> bool {
    let at =
        get_open(w, file).filter(|open| open.access.readable).map(|open| offset.unwrap_or(open.position));
    at.is_some_and(|at| inode_of(w, file).is_ok_and(|inode| inode.len() > at))
}

/// The file behind a descriptor; `wrong`: what a descriptor of another kind gives.
pub(super) fn disk_of(w: &mut World, fd: Fd, wrong: Errno) -> Result<u32> {
    let file = w.file(fd)?;
    get_open(w, file).map(|_| file).ok_or(wrong)
}

pub(super) fn open_and_inode(w: &mut World, file: u32) -> Result<(&mut OpenDisk, &mut Inode)> {
    let World { files, hosts, .. } = w;
    match files.object_mut(file) {
        Some(Object::File(open)) => {
            let inode = hosts[open.host].disk.inode_mut(open.inode);
            Ok((open, inode))
        }
        _ => Err(Errno::EBADF),
    }
}

fn inode_of(w: &mut World, file: u32) -> Result<&mut Inode> {
    open_and_inode(w, file).map(|(_, inode)| inode)
}

/// A FIFO may be waited for: `opening` is how far that is.
pub(crate) fn open(w: &mut World, path: &str, flags: OpenFlags, opening: &mut Option<Opening>) -> Step<Fd> {
    if let Some(opening) = opening {
        return pipe::go_on_opening(w, opening);
    }
    match open_at_once(w, path, flags) {
        Ok(Opened::Fd(fd)) => Step::Done(Ok(fd)),
        Ok(Opened::Fifo(inode)) => pipe::open_fifo(w, inode, flags, opening),
        Err(errno) => Step::Done(Err(errno)),
    }
}

enum Opened {
    Fd(Fd),
    /// It is this FIFO of the own host.
    Fifo(u32),
}

fn open_at_once(w: &mut World, path: &str, flags: OpenFlags) -> Result<Opened> {
    let create = flags.contains(OpenFlags::CREAT);
    if create && flags.contains(OpenFlags::DIRECTORY) {
        return Err(Errno::EINVAL);
    }
    check_path(path)?;
    w.check_fd_free()?;
    let host = w.my_host();
    let disk = my_disk(w);
    let parent = disk.parent(path)?;
    let mut made = false;
    let inode = match parent.last {
        Last::Name(_) if create && parent.slashes => return Err(Errno::EISDIR),
        Last::Name(name) if create && disk.entry(parent.directory(), name)?.is_none() => {
            made = true;
            w.progress();
            let directory = parent.directory();
            names::create_inode(w, path, (directory, name), false)
        }
        _ => disk.resolve(&parent)?,
    };
    let disk = my_disk(w);
    let is_dir = disk.inode(inode).is_dir();
    if create && flags.contains(OpenFlags::EXCL) && !made {
        return Err(Errno::EEXIST);
    }
    // `O_TRUNC` asks for the right to write, whatever the access mode.
    if is_dir && (create || flags.0 & ACCESS != 0 || flags.contains(OpenFlags::TRUNC)) {
        return Err(Errno::EISDIR);
    }
    if !is_dir && flags.contains(OpenFlags::DIRECTORY) {
        return Err(Errno::ENOTDIR);
    }
    let access = access_of(flags);
    let object = match disk.inode(inode).special() {
        Some(Special::Socket) => return Err(Errno::ENXIO),
        Some(Special::Fifo(_)) => return Ok(Opened::Fifo(inode)),
        Some(Special::Device(device)) => Object::Device(OpenDevice { device, access }),
        None => {
            if flags.contains(OpenFlags::TRUNC) {
                disk.truncate(inode, 0);
            }
            Object::File(Box::new(disk.open(host, inode, access)))
        }
    };
    let nonblocking = flags.0 & StatusFlags::NONBLOCK.0 != 0;
    Ok(Opened::Fd(descriptor::open_file(w, object, nonblocking)))
}

fn access_of(flags: OpenFlags) -> Access {
    Access {
        // The access mode 3 is for ioctl(2) alone (open(2), "File access mode").
        readable: matches!(OpenFlags(flags.0 & ACCESS), OpenFlags::NONE | OpenFlags::RDWR),
        writable: matches!(OpenFlags(flags.0 & ACCESS), OpenFlags::WRONLY | OpenFlags::RDWR),
        append: flags.contains(OpenFlags::APPEND),
    }
}

fn read_at(w: &mut World, file: u32, buffer: &mut [u8], offset: u64) -> Result<usize> {
    if !get_open(w, file).is_some_and(|open| open.access.readable) {
        return Err(Errno::EBADF);
    }
    let inode = inode_of(w, file)?;
    if inode.is_dir() {
        return Err(Errno::EISDIR);
    }
    let most = buffer.len().min(TRANSFER_MAX);
    let n = inode.read(&mut buffer[..most], offset);
    if most > 0
        && let Some((host, inode)) = identity(w, file)
    {
        disk_now(w, host).note_read(inode);
    }
    let me = w.scheduler.current();
    w.run.payload(me, &buffer[..n], false);
    if n > 0 {
        w.progress();
    }
    Ok(n)
}

/// `lseek(2)`, as ext4 has it.
pub(crate) fn lseek(w: &mut World, fd: Fd, to: SeekFrom) -> Result<u64> {
    let file = w.file(fd)?;
    if matches!(
        w.files[file].object,
        Object::Event(_) | Object::Timer(_) | Object::Signals(..) | Object::Epoll(_) | Object::Device(_)
    ) {
        // `noop_llseek`, and `null_lseek`: what has no contents is at its beginning.
        return Ok(0);
    }
    let file = disk_of(w, fd, Errno::ESPIPE)?;
    let len = inode_of(w, file)?.len();
    let open = get_open(w, file).ok_or(Errno::EBADF)?;
    let at = match to {
        SeekFrom::Start(at) => Some(at),
        SeekFrom::Current(by) => open.position.checked_add_signed(by),
        SeekFrom::End(by) => len.checked_add_signed(by),
    };
    let at = at.filter(|&at| at <= LEN_MAX).ok_or(Errno::EINVAL)?;
    open.position = at;
    Ok(at)
}

pub(crate) fn pread(w: &mut World, fd: Fd, buffer: &mut [u8], offset: u64) -> Result<usize> {
    i64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    let file = w.file(fd)?;
    if !access(w, file).ok_or(Errno::ESPIPE)?.readable {
        return Err(Errno::EBADF);
    }
    i64::try_from(offset + buffer.len() as u64).map_err(|_| Errno::EINVAL)?;
    match w.files[file].object {
        Object::Device(open) => device::read(w, open, buffer),
        _ => read_at(w, file, buffer, offset),
    }
}

/// `read(2)` of a file: at its position, which moves on.
pub(crate) fn read(w: &mut World, file: u32, buffer: &mut [u8]) -> Result<usize> {
    let at = get_open(w, file).map_or(0, |open| open.position);
    let n = read_at(w, file, buffer, at)?;
    if let Some(open) = get_open(w, file) {
        open.position = at + n as u64;
    }
    Ok(n)
}

fn write_at(w: &mut World, file: u32, bytes: &[u8], offset: Option<u64>) -> Result<(usize, u64)> {
    let Some(open) = get_open(w, file).filter(|open| open.access.writable) else { return Err(Errno::EBADF) };
    let (host, inode, append, position) = (open.host, open.inode, open.access.append, open.position);
    let found = w.hosts[host].disk.inode(inode);
    let len = found.len();
    // pwrite(2), BUGS: with O_APPEND the offset counts for nothing.
    let at = if append { len } else { offset.unwrap_or(position) };
    let bytes = &bytes[..bytes.len().min(TRANSFER_MAX)];
    if bytes.is_empty() {
        return Ok((0, position));
    }
    let left = LEN_MAX.checked_sub(at).filter(|&left| left > 0).ok_or(Errno::EFBIG)?;
    let bytes = &bytes[..left.min(bytes.len() as u64) as usize];
    let grows: u64 = found.fresh(at, at + bytes.len() as u64).map(|(from, to)| to - from).sum();
    // What is there already is written over, also on a full disk.
    let in_place = found.fits(at, bytes.len(), 0);
    let room = match disk_room(w, host, grows) {
        Err(_) if in_place > 0 => 0,
        room => room?,
    };
    let n = disk_now(w, host).write(inode, bytes, at, room);
    let me = w.scheduler.current();
    w.run.payload(me, &bytes[..n], true);
    w.progress();
    w.count_write();
    Ok((n, at + n as u64))
}

pub(crate) fn pwrite(w: &mut World, fd: Fd, bytes: &[u8], offset: u64) -> Result<usize> {
    i64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    let file = w.file(fd)?;
    if !access(w, file).ok_or(Errno::ESPIPE)?.writable {
        return Err(Errno::EBADF);
    }
    i64::try_from(offset + bytes.len() as u64).map_err(|_| Errno::EINVAL)?;
    match w.files[file].object {
        Object::Device(open) => device::write(w, open, bytes),
        _ => Ok(write_at(w, file, bytes, Some(offset))?.0),
    }
}

/// `write(2)` to a file: at its position, or at the end.
pub(crate) fn write(w: &mut World, file: u32, bytes: &[u8]) -> Result<usize> {
    let (n, end) = write_at(w, file, bytes, None)?;
    if let Some(open) = get_open(w, file) {
        open.position = end;
    }
    Ok(n)
}

/// How many of `grows` new bytes find room: `ENOSPC` where none does.
fn disk_room(w: &mut World, host: u32, grows: u64) -> Result<u64> {
    if grows == 0 {
        return Ok(0);
    }
    let now = w.run.now();
    let full_for = choose_for_disk(w, host, Family::DiskSpace);
    if full_for != 0 && !w.hosts[host].disk.is_full(now) {
        let name = w.hosts[host].name().to_owned();
        let few = Distribution::rarely_log(32_768, 1, 4096);
        let rooms = w.hosts[host].disk.rooms();
        let room = w.run.choose(rooms, ROOM, few, || name.clone());
        let text = w.run.text(&name);
        let event = w.run.injected_now(Family::DiskSpace, [text, room, full_for, 0]);
        w.hosts[host].disk.fill(now + full_for, room, event);
    }
    let (given, cause) = w.hosts[host].disk.take_room(now, w.knobs.disk_bytes, grows);
    if given < grows {
        w.run.blame(cause);
    }
    if given == 0 { Err(Errno::ENOSPC) } else { Ok(given) }
}

/// Makes a choice for a disk, and leaves it to the caller to count it.
fn choose_for_disk(w: &mut World, host: u32, family: Family) -> u64 {
    let (stream, name) = w.hosts[host].disk_stream(family);
    w.run.draw(family, stream, || name.to_owned())
}

/// `fsync(2)`, `fdatasync(2)`: the data and the length of a file; the entries of a directory.
pub(crate) fn fsync(w: &mut World, fd: Fd, _data_only: bool) -> Result<()> {
    let file = disk_of(w, fd, Errno::EINVAL)?;
    let (host, inode) = get_open(w, file).map(|o| (o.host, o.inode)).ok_or(Errno::EBADF)?;
    let disk = &mut w.hosts[host].disk;
    if disk.inode(inode).is_dir() {
        disk.sync_directory(inode);
        return Ok(());
    }
    let mut cause = 0;
    if disk.inode(inode).is_dirty() {
        w.scheduler.progress(&w.run);
        let fails = choose_for_disk(w, host, Family::DiskSync);
        let disk = &mut w.hosts[host].disk;
        let i = disk.inode_mut(inode);
        match fails {
            0 => i.sync(),
            // The error is about something else: the data got there.
            1 => i.sync(),
            _ => i.give_up(),
        }
        if fails != 0 {
            i.sync_failed();
            let text = w.run.text(i.name());
            cause = w.run.injected_now(Family::DiskSync, [text, fails, 0, 0]);
        }
    } else {
        // A length that was cut and grown to what it was has nothing to write.
        disk.inode_mut(inode).sync();
    }
    let (open, inode) = open_and_inode(w, file)?;
    if open.take_error(inode) {
        w.run.blame(cause);
        return Err(Errno::EIO);
    }
    Ok(())
}

/// Whether a sync of this descriptor has anything to do with a disk.
pub(crate) fn is_on_disk(w: &mut World, fd: Fd) -> bool {
    disk_of(w, fd, Errno::EINVAL).is_ok()
}

/// How long this sync takes, in nanoseconds.
pub(crate) fn sync_time(w: &mut World, host: u32) -> u64 {
    let slow = choose_for_disk(w, host, Family::DiskSlow);
    if slow != 0 {
        let text = w.run.text(w.hosts[host].name());
        w.run.injected_now(Family::DiskSlow, [text, slow, 0, 0]);
    }
    SYNC_NS + slow
}

pub(crate) fn ftruncate(w: &mut World, fd: Fd, len: u64) -> Result<()> {
    i64::try_from(len).map_err(|_| Errno::EINVAL)?;
    let file = disk_of(w, fd, Errno::EINVAL)?;
    if !get_open(w, file).is_some_and(|open| open.access.writable) {
        return Err(Errno::EINVAL);
    }
    if len > LEN_MAX {
        return Err(Errno::EFBIG);
    }
    let (host, inode) = get_open(w, file).map(|o| (o.host, o.inode)).ok_or(Errno::EBADF)?;
    let disk = disk_now(w, host);
    let before = disk.inode(inode).len();
    disk.truncate(inode, len);
    if len != before {
        w.progress();
    }
    Ok(())
}
