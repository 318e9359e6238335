//! Runs a program, given as text on standard input, on both kernels and prints what each call came to.

use eagain_net::Linux;
use eagain_scenarios::conform::{machine::Machine, script};

fn main() {
    let text = std::io::read_to_string(std::io::stdin()).unwrap_or_default();
    let lines = script::parse(&text).unwrap_or_else(|why| panic!("{why}"));
    let inside = lines.clone();
    let mut machine = Machine::new(Linux);
    println!("linux");
    for (call, _) in &lines {
        println!("    {call} = {}", machine.step(call));
    }
    machine.finish();
    let _ = eagain_scenarios::conform::sides::on_simulation(move |k| {
        let mut machine = Machine::new(k);
        println!("simulation");
        for (call, _) in &inside {
            println!("    {call} = {}", machine.step(call));
        }
    });
}
