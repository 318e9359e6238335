//! Worlds to count instructions of, with their hashes: `trips CLIENTS ROUNDS` is an echo world of each of five seeds, `trips small
//! WORLDS` so many small ones. The difference of two numbers of rounds, or worlds, is what the rounds between take
//! (docs/SPEED.md):
//!
//! ```text
//! valgrind --tool=callgrind target/release/examples/trips 100 40
//! ```

#[path = "../benches/throughput/worlds.rs"]
#[allow(dead_code)] // the bulk is measured elsewhere
mod worlds;

use eagain_sim::Engine;
use eagain_sim::run::Settings;
use worlds::{ECHO, echoed, one};

/// Each has other faults.
const SEEDS: u64 = 5;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(clients), Some(count)) = (args.next(), args.next().and_then(|n| n.parse().ok())) else {
        eprintln!("usage: trips CLIENTS ROUNDS | trips small WORLDS");
        std::process::exit(2);
    };
    let mut engine = Engine::new();
    match clients.parse() {
        Ok(clients) => {
            for seed in 1..=SEEDS {
                println!("{:016x}", echoed(seed, clients, count, &mut engine).hash);
            }
        }
        Err(_) => {
            let hash = |seed| one(ECHO, seed, Settings::new(), &mut engine).hash;
            println!("{:016x}", (1..=count).map(hash).fold(0, |all, hash| all ^ hash));
        }
    }
}
