//! Whose a path is.

use super::*;
use crate::config::Chmod;
use eagain_net::Linux;

fn at(path: String, mode: Option<u32>, chmod: Chmod) -> Config {
    Config { unix_socket: path, unix_socket_mode: mode, chmod: Some(chmod), ..Config::default() }
}

#[test]
fn a_path_is_taken_from_nobody_who_does_not_listen_yet_and_is_free_behind_a_start_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket").to_str().unwrap().to_owned();
    let config = at(path.clone(), None, |_, _| Ok(()));
    let first = Acceptor::unix(Linux, &config).unwrap();
    assert_eq!(Acceptor::unix(Linux, &config).err(), Some(Errno::EADDRINUSE));
    first.listen().unwrap();
    drop(first);
    assert!(!std::fs::exists(&path).unwrap(), "its file stays");
    assert!(Acceptor::unix(Linux, &config).is_ok());
}

#[test]
fn a_mode_that_cannot_be_set_is_an_error_and_is_set_before_anybody_can_connect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket").to_str().unwrap().to_owned();
    let refused = at(path.clone(), Some(0o700), |_, _| Err(Errno::EPERM));
    assert_eq!(Acceptor::unix(Linux, &refused).err(), Some(Errno::EPERM));
    assert!(!std::fs::exists(&path).unwrap(), "its file stays");
    let set = at(path, Some(0o700), |path, mode| {
        assert_eq!(mode, 0o700);
        let refused = std::os::unix::net::UnixStream::connect(path).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        Ok(())
    });
    assert!(Acceptor::unix(Linux, &set).is_ok());
}
