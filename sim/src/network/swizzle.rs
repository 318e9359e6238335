//! Swizzling, as FoundationDB calls it: some hosts, drawn anew each time, are cut off one after another until all of them
//! are, and are back in another order. What waits for one of them meets the others' silence too.

use super::Net;
use crate::NONE;
use crate::choice::{Distribution, Domain, Stream};
use crate::fault::Family;
use crate::scheduler::Event;
use crate::trace::Kind;

/// When a host is cut off (0: it is spared), and how long after the last of them it is back.
const WHICH: Domain = Domain("link.swizzle.host");
const APART_NS_MAX: u64 = 1_000_000_000;
const AWAY_NS_MAX: u64 = 5_000_000_000;

impl Net<'_> {
    /// The next time, if there is one: after how long is chosen now.
    pub fn plan_swizzle(&mut self, from: u64) {
        if self.net.hosts.len() < 2 {
            return;
        }
        let after = self.run.draw(Family::Swizzle, &mut self.net.swizzles, || "network".to_owned());
        if after != 0 {
            self.scheduler.plan(from + after, Event::Swizzle);
        }
    }

    /// It begins: who, and when, and until when, is chosen now.
    pub fn swizzle_begins(&mut self) {
        if self.run.is_quiet() {
            return;
        }
        let time = self.net.swizzles.count();
        let mut away = Vec::new();
        for host in 0..self.net.hosts.len() as u32 {
            let name = format!("{time}:{}", self.net.hosts[host as usize].name);
            let mut stream = Stream::default();
            let mut choose = |of: Distribution| self.run.choose(&mut stream, WHICH, of, || name.clone());
            let after = choose(Distribution::rarely_log(32_768, 1_000_000, APART_NS_MAX));
            let longer = choose(Distribution::rarely_log(65_536, 1_000_000, AWAY_NS_MAX));
            if after != 0 {
                away.push((host, after, longer));
            }
        }
        let now = self.run.now();
        let last = now + away.iter().map(|&(_, after, _)| after).max().unwrap_or(0);
        let mut end = last;
        for (host, after, longer) in away {
            let until = last + longer;
            end = end.max(until);
            self.scheduler.plan(now + after, Event::CutOff(host, until));
        }
        self.plan_swizzle(end);
    }

    /// Nobody reaches a host any more, and it reaches nobody.
    pub fn cut_off(&mut self, host: u32, until: u64) {
        let now = self.run.now();
        if self.run.is_quiet() {
            return;
        }
        let words = [u64::from(host), until.saturating_sub(now), 0, 0];
        let event = self.run.injected_now(Family::Swizzle, words);
        let owner = &mut self.net.hosts[host as usize];
        owner.cut_off_event = event;
        // At least until after now, so that 0 means what it means.
        if std::mem::replace(&mut owner.cut_off_until, until.max(1)) == 0 {
            self.net.hosts_away += 1;
        }
        self.begin_probing();
        self.scheduler.plan(until, Event::Back(host, until));
        self.plan_quiet();
    }

    /// It is over, unless the host has been cut off anew.
    pub fn back(&mut self, host: u32, until: u64) {
        let owner = &mut self.net.hosts[host as usize];
        if owner.cut_off_until != until.max(1) {
            return;
        }
        owner.cut_off_until = 0;
        self.net.hosts_away -= 1;
        self.run.event(NONE, Kind::Back, [u64::from(host), 0, 0, 0]);
        let whole: Vec<(u32, u32)> = (0..self.net.hosts.len() as u32)
            .flat_map(|other| [(host, other), (other, host)])
            .filter(|&(from, to)| self.obstacle(from, to).is_none())
            .collect();
        self.release_acks(|from, to| whole.contains(&(from, to)));
    }

    pub(super) fn all_back(&mut self) {
        for host in 0..self.net.hosts.len() as u32 {
            match self.net.hosts[host as usize].cut_off_until {
                0 => {}
                until => self.back(host, until),
            }
        }
    }
}
