//! Control data of datagrams (`ip_cmsg_send`, `ip6_datagram_send_ctl`; `ip_cmsg_recv_offset`, `ip6_datagram_recv_ctl`): what a header
//! of IP says beside the addresses. No link looks at it.

use super::Net;
use super::socket::Options;
use eagain_net::{Control, Domain, Errno, NumberOption, Result, SocketAddr};
use std::net::IpAddr;
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
        let mut header = Header { from, to, hops, class, is_local: false, at: 0 };
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
            match source {
                // Any of IPv4 is what the route says, wherever the socket is bound (`ip_cmsg_send`); of IPv6 it is not looked at.
                Some(IpAddr::V4(any)) if any.is_unspecified() => {
                    header.from.set_ip(self.route_source(host, to.ip()));
                }
                Some(source) if !source.is_unspecified() => {
                    if self.host_of(host, source) != Some(host) {
                        return Err(if to.is_ipv4() { Errno::ENETUNREACH } else { Errno::EINVAL });
                    }
                    header.from.set_ip(source);
                }
                _ => {}
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
        let interface = if self.is_local { LOOPBACK } else { ETHERNET };
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
                    control.push(Control::PktInfo { interface: interface as i32, local: to, to });
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
