//! An echo server and its client on std alone: a thread for each connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Echoes what each connection says until it is shut down.
pub fn server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7")?;
    let connections = Arc::new(Mutex::new(0));
    for stream in listener.incoming() {
        let mut stream = stream?;
        let connections = connections.clone();
        thread::spawn(move || {
            *connections.lock().expect("no thread panics") += 1;
            let mut buffer = [0; 1024];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
        });
    }
    Ok(())
}

/// Waits until there is a server.
pub fn connect(server: &str) -> TcpStream {
    loop {
        match TcpStream::connect(server) {
            Ok(stream) => return stream,
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Sends pieces of growing size, and reads all of them back in another thread.
pub fn client(server: &str) -> io::Result<()> {
    let mut stream = connect(server);
    stream.set_nodelay(true)?;
    let mut reader = stream.try_clone()?;
    let (sender, length) = channel();
    let reading = thread::Builder::new().name("reader".into()).spawn(move || {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).expect("the server closes after all of it");
        sender.send(received.len()).expect("the client waits");
        received
    })?;
    let mut sent = Vec::new();
    for i in 0..8u8 {
        let piece = vec![i; 50 + 317 * usize::from(i)];
        stream.write_all(&piece)?;
        sent.extend(piece);
        thread::sleep(Duration::from_millis(3));
    }
    stream.shutdown(Shutdown::Write)?;
    assert_eq!(length.recv().expect("the reader sends it"), sent.len());
    assert!(reading.join().expect("the reader does not panic") == sent, "not what was sent");
    println!("{} bytes came back", sent.len());
    Ok(())
}
