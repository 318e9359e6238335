//! The clients of the servers in `planted`, on std. None of them is wrong.

use super::std_echo::connect;
use std::io::{self, Read, Write};

/// Asks for a number ten times; the numbers that one client gets only grow.
pub fn ask_for_numbers(server: &str) -> io::Result<()> {
    let mut stream = connect(server);
    let mut last = None;
    for _ in 0..10 {
        stream.write_all(b"n")?;
        let mut number = [0; 8];
        stream.read_exact(&mut number)?;
        let number = u64::from_be_bytes(number);
        assert!(last.is_none_or(|last| number > last), "number {number} after {last:?}: it was given twice");
        last = Some(number);
    }
    Ok(())
}

/// Sends six frames, each of two writes, and reads each back.
pub fn exchange_frames(server: &str) -> io::Result<()> {
    let mut stream = connect(server);
    stream.set_nodelay(true)?;
    for i in 1..=6u8 {
        let frame = vec![i; 30 * usize::from(i)];
        stream.write_all(&[frame.len() as u8])?;
        stream.write_all(&frame)?;
        let mut length = [0; 1];
        stream.read_exact(&mut length)?;
        let mut received = vec![0; usize::from(length[0])];
        stream.read_exact(&mut received)?;
        assert!(received == frame, "frame {i} came back as {} bytes", received.len());
    }
    Ok(())
}
