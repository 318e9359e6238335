//! O1 across clients: the shared counter is linearizable. Every `INCR` that was answered took effect exactly once: no two
//! got the same number, and one that was asked after another was answered got a larger one. One without an answer took
//! effect at most once.

use crate::history::{Exchange, History};
use crate::resp::Frame;
use crate::workload::{Request, SHARED};
use eagain_net::Instant;
use eagain_sim::Sim;
use std::collections::BTreeMap;

/// Checks the shared counter of a run.
pub fn check(sim: &mut Sim, history: &History) {
    if let Err(why) = consistent(&history.exchanges()) {
        sim.fail("O1", "shared counter", why);
    }
}

/// Whether the answers to every `INCR` of the shared counter fit together.
fn consistent(exchanges: &[Exchange]) -> Result<(), String> {
    let asked = exchanges.iter().filter(|e| matches!(&e.request, Request::Incr(key) if key == SHARED));
    let mut numbers: BTreeMap<i64, (Instant, Instant, u64)> = BTreeMap::new();
    let mut total = 0;
    for exchange in asked {
        total += 1;
        let Some((at, reply)) = &exchange.answered else { continue };
        let Frame::Integer(number) = reply else {
            return Err(format!("client {}: INCR was answered by {reply:?}", exchange.client));
        };
        if let Some((_, _, other)) = numbers.insert(*number, (exchange.asked, *at, exchange.client)) {
            return Err(format!("clients {other} and {} both got {number}", exchange.client));
        }
    }
    if let Some((&most, _)) = numbers.last_key_value()
        && most > total
    {
        return Err(format!("the counter came to {most}, and was raised {total} times at most"));
    }
    // In the order of their numbers: nobody may have been answered before a smaller number was asked for.
    let mut earliest = (Instant(u64::MAX), 0);
    for (&number, &(asked, answered, client)) in numbers.iter().rev() {
        if earliest.0 < asked {
            let larger = earliest.1;
            return Err(format!(
                "client {client} got {number} although {larger} had been answered before it asked"
            ));
        }
        if answered < earliest.0 {
            earliest = (answered, number);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(client: u64, asked: u64, answered: Option<(u64, i64)>) -> Exchange {
        let answered = answered.map(|(at, number)| (Instant(at), Frame::Integer(number)));
        Exchange { client, request: Request::Incr(SHARED.to_owned()), asked: Instant(asked), answered }
    }

    #[test]
    fn answers_that_fit_together_and_answers_that_do_not() {
        let table: &[(&[Exchange], bool)] = &[
            (&[exchange(1, 0, Some((5, 1))), exchange(2, 6, Some((9, 2)))], true),
            (&[exchange(1, 0, Some((5, 2))), exchange(2, 4, Some((9, 1)))], true),
            (&[exchange(1, 0, Some((5, 2))), exchange(2, 6, Some((9, 1)))], false),
            (&[exchange(1, 0, Some((5, 1))), exchange(2, 0, Some((5, 1)))], false),
            (&[exchange(1, 0, None), exchange(2, 1, Some((5, 2)))], true),
            (&[exchange(1, 0, None), exchange(2, 1, Some((5, 3)))], false),
        ];
        for (exchanges, holds) in table {
            assert_eq!(consistent(exchanges).is_ok(), *holds, "{exchanges:?}");
        }
    }
}
