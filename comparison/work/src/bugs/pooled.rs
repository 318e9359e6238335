//! A connection that goes back to its pool with a reply still to come (redis-py 2023): the caller gave up waiting, the
//! next one reads the answer to the question before, and so on for ever. Repaired: who gives up closes.

use super::kit::{Lines, connect, each_connection, pause, send, within};
use crate::net::Net;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Barrier;

const TIMEOUT: Duration = Duration::from_millis(20);

/// Answers each line.
pub async fn serve<N: Net>(n: N) {
    each_connection(n, |n, mut stream| async move {
        let mut lines = Lines::default();
        while let Some(line) = lines.read(&mut stream).await {
            pause(&n, "work", 2000).await;
            if send(&mut stream, format!("{line}\n").as_bytes()).await.is_err() {
                break;
            }
        }
    })
    .await;
}

/// Connections that nobody uses at the moment.
type Pool<S> = Mutex<Vec<S>>;

/// Asks over a pooled connection. `None`: no answer in time.
async fn question<N: Net>(n: &N, pool: &Pool<N::Stream>, question: &str, defect: bool) -> Option<String> {
    let pooled = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut stream = match pooled {
        Some(stream) => stream,
        None => connect(n).await,
    };
    send(&mut stream, format!("{question}\n").as_bytes()).await.ok()?;
    let answer = within(n, TIMEOUT, async { Lines::default().read(&mut stream).await }).await;
    if answer.is_some() || defect {
        pool.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
    }
    answer.flatten()
}

/// Three callers over one pool.
pub async fn call<N: Net>(n: N, defect: bool) -> Result<(), String> {
    let pool: Arc<Pool<N::Stream>> = Arc::default();
    let ended = Arc::new(Barrier::new(4));
    let complaint: Arc<Mutex<Option<String>>> = Arc::default();
    for caller in 0..3 {
        let (n, pool, ended, complaint) = (n.clone(), pool.clone(), ended.clone(), complaint.clone());
        n.clone().spawn(async move {
            for round in 0..6 {
                let asked = format!("caller {caller} round {round}");
                let answer = question(&n, &pool, &asked, defect).await;
                if let Some(answer) = answer.filter(|answer| *answer != asked) {
                    let text = format!("{asked:?} was answered by {answer:?}");
                    *complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                }
            }
            ended.wait().await;
        });
    }
    ended.wait().await;
    let complaint = complaint.lock().unwrap_or_else(PoisonError::into_inner).take();
    complaint.map_or(Ok(()), Err)
}
