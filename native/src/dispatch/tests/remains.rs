//! What a program finds in memory that it never wrote, and where its memory is.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Writes to the heap and to the stacks of four threads, more than [`remains`] looks at.
pub fn dirties() {
    let heap: Vec<Vec<u8>> = (0..100).map(|_| vec![0xaa; 5000]).collect();
    black_box(&heap);
    black_box([0xaa_u8; 300_000]);
    // All at once.
    let body = |place: u64| {
        std::thread::sleep(std::time::Duration::from_secs(place));
        black_box([0xaa_u8; 300_000])[0]
    };
    let threads = [1, 2, 3].map(|place| std::thread::spawn(move || body(place)));
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// Sends memory as it is, and says what was in it: reading it would not be allowed.
fn found(memory: &[MaybeUninit<u8>]) -> String {
    let (mine, mut other) = UnixStream::pair().unwrap();
    let mut sent = 0;
    let mut rest = memory;
    while !rest.is_empty() {
        let part = &rest[..rest.len().min(10_000)];
        // SAFETY: the kernel looks at the bytes, whatever they are.
        let n = unsafe { libc::send(mine.as_raw_fd(), part.as_ptr().cast(), part.len(), 0) };
        let mut bytes = vec![0; usize::try_from(n).unwrap()];
        std::io::Read::read_exact(&mut other, &mut bytes).unwrap();
        sent += bytes.iter().filter(|&&byte| byte != 0).count();
        rest = &rest[bytes.len()..];
    }
    mine.shutdown(Shutdown::Both).unwrap();
    format!("{sent} of {}", memory.len())
}

/// A part of the stack that no call has reached yet.
#[inline(never)]
fn of_the_stack(depth: u32) -> String {
    let whole = MaybeUninit::<[MaybeUninit<u8>; 30_000]>::uninit();
    // SAFETY: bytes that need not be initialised.
    let frame: &[MaybeUninit<u8>; 30_000] = unsafe { &*black_box(whole.as_ptr()) };
    match black_box(depth) {
        0 => format!("stack {:p} {}", black_box(frame), found(&frame[..10_000])),
        depth => of_the_stack(black_box(depth - 1)),
    }
}

pub fn remains() {
    static PLACE: u8 = 7;
    println!("{}", of_the_stack(4));
    println!("{}", std::thread::spawn(|| of_the_stack(4)).join().unwrap());
    let mut heap = Vec::<u8>::with_capacity(200_000);
    println!("heap {:p} {}", heap.as_ptr(), found(heap.spare_capacity_mut()));
    println!("static {:p}, function {:p}", &PLACE, remains as fn());
}
