//! Control data of datagrams (`ip_cmsg_send`, `ip6_datagram_send_ctl`; `ip_cmsg_recv_offset`, `ip6_datagram_recv_ctl`): what a header
//! of IP says beside the addresses. No link looks at it.

use super::Net;
use super::socket::Options;
use eagain_net::{Control, Domain, Errno, NumberOption, Result, SocketAddr};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Of a datagram on its way and in a queue.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// `IP_TTL`, or `IPV6_UNICAST_HOPS`.
    hops: i32,
    /// `IP_TOS`, or `IPV6_TCLASS`.
    class: i32,
    /// It came by the loopback.
    pub(super) is_local: bool,
    /// Its receiver asked for `IP_PKTINFO`, or `IPV6_RECVPKTINFO`, when it came.
    pub(super) has_info: bool,
    /// When it was there.
    pub(super) at: u64,
}

/// The numbers of `lo` and `eth0`.
const LOOPBACK: u32 = 1;
const ETHERNET: u32 = 2;

impl Net<'_> {
    /// The header of a datagram of a socket with these options, and what its control data says otherwise.
    pub(super) fn udp_header(
        &self,
        (host, domain, options): (u32, Domain, &Options),
        (from, to): (SocketAddr, SocketAddr),
        control: &[Control],
    ) -> Result<Header> {
        use NumberOption as N;
        let of = super::number_option::Of::plain(domain, true);
        let [hops, class] = match to.is_ipv4() {
            true => [N::Ttl, N::Tos],
            false => [N::UnicastHops, N::TClass],
        };
        let [hops, class] = [hops, class].map(|option| options.numbers.get(option, of).unwrap_or(0));
        let mut header = Header { from, to, hops, class, is_local: false, has_info: false, at: 0 };
        let within = |value: i32, least: i32| match (least..=255).contains(&value) {
            true => Ok(value),
            false => Err(Errno::EINVAL),
        };
        for &control in control {
            let mut source = None;
            match control {
                Control::Timestamp(_) | Control::TimestampNs(_) => return Err(Errno::EINVAL),
                Control::Ttl(ttl) if to.is_ipv4() => header.hops = within(ttl, 1)?,
                Control::Tos(tos) if to.is_ipv4() => header.class = within(tos, 0)?,
                Control::HopLimit(hops) if to.is_ipv6() => match within(hops, -1)? {
                    -1 => {}
                    hops => header.hops = hops,
                },
                // -1 fills the field.
                Control::TClass(class) if to.is_ipv6() => header.class = within(class, -1)? & 0xff,
                Control::PktInfo { local, .. } if to.is_ipv4() => source = Some(IpAddr::V4(local)),
                // `ip_cmsg_send` with `allow_ipv6`.
                Control::PktInfo6 { local, .. } if to.is_ipv4() && domain == Domain::Inet6 => {
                    source = Some(IpAddr::V4(local.to_ipv4_mapped().ok_or(Errno::EINVAL)?));
                }
                Control::PktInfo6 { local, .. } if to.is_ipv6() => source = Some(IpAddr::V6(local)),
                _ => {}
            }
            if let Some(source) = source.filter(|source| !source.is_unspecified()) {
                if self.host_of(host, source) != Some(host) {
                    return Err(if to.is_ipv4() { Errno::ENETUNREACH } else { Errno::EINVAL });
                }
                header.from.set_ip(source);
            }
        }
        Ok(header)
    }
}

impl Header {
    /// What a socket with these options receives of it; `time`: when it came, by the clock of the day.
    pub(super) fn control_for(&self, domain: Domain, options: &Options, time: Duration) -> Vec<Control> {
        use NumberOption as N;
        let has = |option| options.numbers.has(option);
        // `ipv4_pktinfo_prepare`: where it came is not kept for who asks later.
        let interface = match (self.has_info || self.to.is_ipv6(), self.is_local) {
            (false, _) => 0,
            (true, true) => LOOPBACK,
            (true, false) => ETHERNET,
        };
        let mut control = Vec::new();
        if has(N::Timestamp) {
            control.push(Control::Timestamp(time));
        }
        if has(N::TimestampNs) {
            control.push(Control::TimestampNs(time));
        }
        if domain == Domain::Inet6 && has(N::RecvPktInfo6) {
            let local = match self.to.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            control.push(Control::PktInfo6 { local, interface });
        }
        match self.to.ip() {
            IpAddr::V4(to) => {
                if has(N::PktInfo) {
                    let local = if self.has_info { to } else { Ipv4Addr::UNSPECIFIED };
                    control.push(Control::PktInfo { interface: interface as i32, local, to });
                }
                if has(N::RecvTtl) {
                    control.push(Control::Ttl(self.hops));
                }
                if has(N::RecvTos) {
                    control.push(Control::Tos(self.class));
                }
            }
            IpAddr::V6(_) => {
                if has(N::RecvHopLimit) {
                    control.push(Control::HopLimit(self.hops));
                }
                if has(N::RecvTClass) {
                    control.push(Control::TClass(self.class));
                }
            }
        }
        control
    }
}
