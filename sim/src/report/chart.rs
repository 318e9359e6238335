//! The rate of a sweep over real time, drawn for its page.

use super::count::{count, thousands};
use crate::runner::samples::Sample;
use std::fmt::Write;
use std::time::Duration;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 90.0;

/// Seeds per second as a line, and a mark wherever runs failed; nothing where the sweep was too short for a line.
pub(super) fn rates(samples: &[Sample]) -> String {
    let Some(last) = samples.last().filter(|_| samples.len() > 2) else { return String::new() };
    let first = Sample { at: Duration::ZERO, seeds: 0, failures: 0 };
    let before = std::iter::once(&first).chain(samples);
    let spans: Vec<(Sample, Sample)> = before.copied().zip(samples.iter().copied()).collect();
    let rate = |&(from, to): &(Sample, Sample)| {
        to.seeds.saturating_sub(from.seeds) as f64 / (to.at - from.at).as_secs_f64().max(1e-9)
    };
    let most = spans.iter().map(rate).fold(1.0, f64::max);
    let x = |sample: &Sample| sample.at.as_secs_f64() / last.at.as_secs_f64().max(1e-9) * WIDTH;
    let (mut line, mut marks) = (String::new(), String::new());
    for span in &spans {
        let (from, to) = span;
        let y = HEIGHT - rate(span) / most * (HEIGHT - 4.0);
        // Writing to a String does not fail.
        let _ = write!(line, "{:.1},{y:.1} {:.1},{y:.1} ", x(from), x(to));
        let failed = to.failures.saturating_sub(from.failures);
        if failed > 0 {
            let failed = count(failed, "failure");
            let (at, wide) = (x(from), (x(to) - x(from)).max(2.0));
            let _ = write!(
                marks,
                "<rect x=\"{at:.1}\" y=\"{HEIGHT}\" width=\"{wide:.1}\" height=\"8\"><title>{failed}</title></rect>"
            );
        }
    }
    let red = if marks.is_empty() { "" } else { " Red below: seeds failed then." };
    let (most, time) = (thousands(most.round() as u64), last.at.as_secs_f64());
    format!(
        "<h2>Rate</h2>\n<figure><svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"seeds per second over time\">\
         <polyline points=\"{}\"/>{marks}</svg>\n<figcaption>Seeds per second over {time:.1} s; the highest is \
         {most}.{red}</figcaption></figure>\n",
        HEIGHT + 8.0,
        line.trim_end(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ms: u64, seeds: u64, failures: u64) -> Sample {
        Sample { at: Duration::from_millis(ms), seeds, failures }
    }

    #[test]
    fn the_line_has_the_rate_of_each_span_and_the_marks_the_failures() {
        let chart = rates(&[sample(100, 10, 0), sample(200, 30, 2), sample(300, 30, 2)]);
        // 100, 200 and 0 seeds a second.
        let points = "0.0,47.0 200.0,47.0 200.0,4.0 400.0,4.0 400.0,90.0 600.0,90.0";
        assert!(chart.contains(&format!("points=\"{points}\"")), "{chart}");
        assert!(chart.contains("the highest is 200"), "{chart}");
        assert_eq!(chart.matches("<rect").count(), 1, "{chart}");
        assert!(chart.contains("<rect x=\"200.0\"") && chart.contains("2 failures"), "{chart}");
        assert!(chart.contains("Red below"), "{chart}");
        let held = rates(&[sample(100, 10, 0), sample(200, 30, 0), sample(300, 40, 0)]);
        assert!(!held.contains("Red") && !held.contains("<rect"), "{held}");
    }

    #[test]
    fn a_sweep_of_a_moment_has_no_chart() {
        assert_eq!(rates(&[]), "");
        assert_eq!(rates(&[sample(100, 10, 0), sample(200, 30, 2)]), "");
    }
}
