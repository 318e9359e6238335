//! Options of sockets that are one number: who has which, what each begins with and takes (`sk_setsockopt`, `do_tcp_setsockopt`,
//! `do_ip_setsockopt`, `do_ipv6_setsockopt` of Linux 6.18). Of most the value is all that there is here: no link looks at marks,
//! priorities and hop counts.

use eagain_net::{Domain, Errno, NumberOption, Result};

/// What options depend on besides what was set.
#[derive(Clone, Copy)]
pub(super) struct Of {
    pub(super) domain: Domain,
    pub(super) datagrams: bool,
    pub(super) listens: bool,
    /// Neither connected nor about to be.
    pub(super) closed: bool,
    /// Of the link to the peer: the largest packet, and how much of it a segment has for bytes.
    pub(super) mtu: Option<i32>,
    pub(super) segment: Option<i32>,
}

impl Of {
    /// One that has no connection of TCP.
    pub(super) fn plain(domain: Domain, datagrams: bool) -> Of {
        Of { domain, datagrams, listens: false, closed: true, mtu: None, segment: None }
    }

    fn is_tcp(&self) -> bool {
        !self.datagrams && self.domain != Domain::Unix
    }
}

/// `TCP_MSS_DEFAULT`, `TCP_MIN_MSS`, `MAX_TCP_WINDOW`.
const SEGMENT_UNKNOWN: i32 = 536;
const SEGMENTS: std::ops::RangeInclusive<i32> = 88..=32_767;
/// `TCP_FIN_TIMEOUT`, `TCP_FIN_TIMEOUT_MAX`, in seconds.
const FIN_TIMEOUT: i32 = 60;
const FIN_TIMEOUT_MAX: i32 = 120;
/// `TCP_RTO_MAX`, in seconds.
const RETRY_MAX: i32 = 120;
/// `SOCK_MIN_RCVBUF` / 2.
const WINDOW_MIN: i32 = 1_152;
/// `IPDEFTTL`.
const HOPS: i32 = 64;
/// The bits of ECN are TCP's own.
const ECN: i32 = 3;

/// The numbers that a program has set.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    set: Vec<(NumberOption, i32)>,
    /// Of a socket that was accepted.
    accepted: bool,
}

impl Numbers {
    fn find(&self, option: NumberOption) -> Option<i32> {
        let option = one_bit(option);
        self.set.iter().find(|(of, _)| *of == option).map(|&(_, value)| value)
    }

    /// Whether it is on.
    pub(super) fn has(&self, option: NumberOption) -> bool {
        self.find(option).is_some_and(|value| value != 0)
    }

    fn put(&mut self, option: NumberOption, value: i32) {
        let option = one_bit(option);
        match self.set.iter_mut().find(|(of, _)| *of == option) {
            Some((_, old)) => *old = value,
            None => self.set.push((option, value)),
        }
    }

    /// `setsockopt(2)`.
    pub(super) fn set(&mut self, option: NumberOption, value: i32, of: Of) -> Result<()> {
        use NumberOption as N;
        let stored = taken(option, value, of)?;
        match option {
            // One of them at a time (`sock_set_timestamp`).
            N::Timestamp => self.put(N::TimestampNs, 0),
            N::TimestampNs => self.put(N::Timestamp, 0),
            N::Tos if self.get(N::Tos, of) != Ok(stored) => self.put(N::Priority, priority_of(stored)),
            _ => {}
        }
        self.put(option, stored);
        Ok(())
    }

    /// Those of a socket that is accepted (`sk_clone_lock`, `tcp_v4_syn_recv_sock`).
    pub(super) fn inherited(&self) -> Numbers {
        use NumberOption as N;
        let mut set = self.set.clone();
        set.retain(|(option, _)| !matches!(option, N::Priority | N::FastOpen));
        Numbers { set, accepted: true }
    }

    /// `getsockopt(2)`.
    pub(super) fn get(&self, option: NumberOption, of: Of) -> Result<i32> {
        use NumberOption as N;
        let set = self.find(option);
        Ok(match option {
            N::Type if of.datagrams => 2,
            N::Type => 1,
            N::Domain => of.domain as i32,
            N::Protocol if of.domain == Domain::Unix => 0,
            N::Protocol if of.datagrams => 17,
            N::Protocol => 6,
            N::AcceptConn => i32::from(of.listens),
            N::SendLowAt => 1,
            // The hop limit of the SYN.
            N::MulticastTtl if self.accepted && of.domain == Domain::Inet => HOPS,
            N::MulticastHops6 if self.accepted && of.domain == Domain::Inet6 => HOPS,
            N::Mtu => of.mtu.ok_or(Errno::ENOTCONN)?,
            N::MaxSegment => match (set.filter(|&set| set != 0), of.segment) {
                (Some(set), Some(most)) => set.min(most),
                (Some(set), None) if of.closed || of.listens => set,
                (_, most) => most.unwrap_or(SEGMENT_UNKNOWN),
            },
            option => set.unwrap_or_else(|| first(option, of.domain)),
        })
    }
}

/// Some have one place by two names.
fn one_bit(option: NumberOption) -> NumberOption {
    match option {
        NumberOption::FreeBind6 => NumberOption::FreeBind,
        NumberOption::Transparent6 => NumberOption::Transparent,
        other => other,
    }
}

/// What a new socket has.
fn first(option: NumberOption, domain: Domain) -> i32 {
    use NumberOption as N;
    match option {
        N::MaxPacingRate | N::IncomingCpu => -1,
        N::SynCount => 6,
        N::Linger2 => FIN_TIMEOUT,
        N::QuickAck | N::MtuDiscover | N::MtuDiscover6 | N::AutoFlowLabel => 1,
        N::Ttl | N::UnicastHops => HOPS,
        N::MulticastTtl | N::MulticastLoop | N::MulticastHops6 | N::MulticastLoop6 | N::MulticastAll6 => 1,
        N::MulticastAll => i32::from(domain == Domain::Inet),
        _ => 0,
    }
}

/// What becomes of a value that is set.
fn taken(option: NumberOption, value: i32, of: Of) -> Result<i32> {
    use NumberOption as N;
    let within = |range: std::ops::RangeInclusive<i32>| match range.contains(&value) {
        true => Ok(value),
        false => Err(Errno::EINVAL),
    };
    let default_or = |default: i32, range| if value == -1 { Ok(default) } else { within(range) };
    match option {
        N::Type | N::Protocol | N::Domain | N::AcceptConn | N::SendLowAt | N::Mtu => Err(Errno::ENOPROTOOPT),
        N::Priority | N::Mark | N::MaxPacingRate | N::IncomingCpu | N::NotSentLowAt => Ok(value),
        N::BusyPoll => within(0..=i32::MAX),
        N::MaxSegment if value == 0 => Ok(0),
        N::MaxSegment => within(SEGMENTS),
        N::SynCount => within(1..=127),
        N::Linger2 if value < 0 => Ok(-1),
        N::Linger2 if value == 0 => Ok(FIN_TIMEOUT),
        N::Linger2 => Ok(value.min(FIN_TIMEOUT_MAX)),
        N::DeferAccept => Ok(seconds_of_retries(value)),
        N::WindowClamp if value == 0 && !of.closed => Err(Errno::EINVAL),
        N::WindowClamp if value == 0 => Ok(0),
        N::WindowClamp => Ok(value.max(WINDOW_MIN)),
        N::FastOpen if !of.closed && !of.listens => Err(Errno::EINVAL),
        N::FastOpen => within(0..=i32::MAX).map(|queue| queue.min(4096)),
        N::FastOpenConnect if !of.closed => Err(Errno::EINVAL),
        N::FastOpenConnect | N::ThinLinearTimeouts | N::Inq | N::MulticastAll | N::MulticastLoop6 => {
            within(0..=1)
        }
        N::Tos if of.is_tcp() => Ok(value & 0xff & !ECN),
        N::Tos => Ok(value & 0xff),
        N::Ttl => default_or(HOPS, 1..=255),
        N::UnicastHops => default_or(HOPS, 0..=255),
        N::TClass if of.is_tcp() => default_or(0, 0..=255).map(|class| class & !ECN),
        N::TClass => default_or(0, 0..=255),
        N::MulticastTtl if of.is_tcp() => Err(Errno::EINVAL),
        N::MulticastHops6 if of.is_tcp() => Err(Errno::ENOPROTOOPT),
        N::MulticastTtl | N::MulticastHops6 => default_or(1, 0..=255),
        N::MtuDiscover | N::MtuDiscover6 => within(0..=5),
        N::MinTtl | N::MinHopCount => within(0..=255),
        N::RecvFragSize if of.is_tcp() => Err(Errno::EINVAL),
        _ => Ok(i32::from(value != 0)),
    }
}

/// `secs_to_retrans`, and back: how long so many tries last, each twice as long as the one before.
fn seconds_of_retries(seconds: i32) -> i32 {
    let (mut wait, mut total, mut tries) = (1, i32::from(seconds > 0), 1);
    while total < seconds && tries < 255 {
        wait = (2 * wait).min(RETRY_MAX);
        (total, tries) = (total + wait, tries + 1);
    }
    total
}

/// `rt_tos2priority`.
fn priority_of(tos: i32) -> i32 {
    [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4][(tos as usize & 0x1e) >> 1]
}
