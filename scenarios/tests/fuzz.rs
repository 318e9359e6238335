//! The fuzz targets, with any bytes and with what is nearly right. Their own workspace is built by cargo-fuzz alone, so that a target
//! could stop compiling unseen.

#[path = "../../fuzz/src/json.rs"]
mod json;
#[path = "../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../fuzz/src/resp.rs"]
mod resp;

use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_bytes_break_a_target(bytes in vec(any::<u8>(), 0..256), requests in "([*$]-?[0-9]{1,2}\r\n|[a-z]{0,4}\r\n){0,8}") {
        for bytes in [&bytes[..], requests.as_bytes()] {
            resp::run(bytes);
            replay::run(bytes);
            json::run(&String::from_utf8_lossy(bytes));
        }
    }
}
