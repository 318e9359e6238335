//! Control data of datagrams (`cmsg(3)`, `ip(7)`, `ipv6(7)`): what goes along with the bytes.

use super::number_option::{IP, IPV6, SOCKET};
use super::{Errno, Result};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// One control message. Those of a sender have no effect but on what the receiver gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// `SCM_TIMESTAMP`, received only, with `SO_TIMESTAMP`: when it came, by the clock of the day, in microseconds.
    Timestamp(Duration),
    /// `SCM_TIMESTAMPNS`, received only, with `SO_TIMESTAMPNS`: the same in nanoseconds.
    TimestampNs(Duration),
    /// `IP_TTL`, 1 to 255; received with `IP_RECVTTL`.
    Ttl(i32),
    /// `IP_TOS`, 0 to 255; received with `IP_RECVTOS`.
    Tos(i32),
    /// `IP_PKTINFO`; received with the option of this name.
    PktInfo {
        /// The number of the interface that it came by; sent: 0 for any.
        interface: i32,
        /// The local address; sent: the source, `0.0.0.0` for any.
        local: Ipv4Addr,
        /// Where it was sent to; ignored when sent.
        to: Ipv4Addr,
    },
    /// `IPV6_HOPLIMIT`, 0 to 255, or -1: as the socket has it; received with `IPV6_RECVHOPLIMIT`.
    HopLimit(i32),
    /// `IPV6_TCLASS`, 0 to 255, or -1, which is sent as 255; received with `IPV6_RECVTCLASS`.
    TClass(i32),
    /// `IPV6_PKTINFO`; received with `IPV6_RECVPKTINFO`.
    PktInfo6 {
        /// Where it was sent to; sent: the source, `::` for any.
        local: Ipv6Addr,
        /// The number of the interface; sent: 0 for any.
        interface: u32,
    },
}

/// A datagram that was received with its control data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// Bytes; with [`RecvFlags::TRUNC`](crate::RecvFlags::TRUNC), all that it had.
    pub len: usize,
    /// Who sent it; `None` from a stream, or where the socket is shut.
    pub from: Option<SocketAddr>,
    /// In the order in which the kernel writes them.
    pub control: Vec<Control>,
}

impl Control {
    /// Level, type and data as the kernel writes them to who receives.
    pub fn to_bytes(self) -> (i32, i32, Vec<u8>) {
        let time = |at: Duration, part: i64| [at.as_secs().to_ne_bytes(), part.to_ne_bytes()].concat();
        match self {
            Control::Timestamp(at) => (SOCKET, 29, time(at, at.subsec_micros().into())),
            Control::TimestampNs(at) => (SOCKET, 35, time(at, at.subsec_nanos().into())),
            Control::Ttl(ttl) => (IP, 2, ttl.to_ne_bytes().into()),
            Control::Tos(tos) => (IP, 1, vec![tos as u8]),
            Control::PktInfo { interface, local, to } => {
                (IP, 8, [interface.to_ne_bytes(), local.octets(), to.octets()].concat())
            }
            Control::HopLimit(hops) => (IPV6, 52, hops.to_ne_bytes().into()),
            Control::TClass(class) => (IPV6, 67, class.to_ne_bytes().into()),
            Control::PktInfo6 { local, interface } => {
                (IPV6, 50, [&local.octets()[..], &interface.to_ne_bytes()].concat())
            }
        }
    }

    /// The message of this level and type; `None`: one that is not known. `EINVAL`: not as long as it has to be.
    pub fn from_bytes(level: i32, kind: i32, data: &[u8]) -> Option<Result<Control>> {
        let word = |at: usize| {
            let bytes = data.get(at..at + 4).ok_or(Errno::EINVAL)?;
            Ok::<_, Errno>([bytes[0], bytes[1], bytes[2], bytes[3]])
        };
        let int = || if data.len() == 4 { word(0).map(i32::from_ne_bytes) } else { Err(Errno::EINVAL) };
        let long = |at: usize| {
            Ok(u64::from_ne_bytes([word(at)?, word(at + 4)?].concat().try_into().unwrap_or_default()))
        };
        let time = |unit: u64| {
            Ok(Duration::from_secs(long(0)?) + Duration::from_nanos(long(8)?.saturating_mul(unit)))
        };
        Some(match (level, kind) {
            (SOCKET, 29) => time(1000).map(Control::Timestamp),
            (SOCKET, 35) => time(1).map(Control::TimestampNs),
            (IP, 2) => int().map(Control::Ttl),
            (IP, 1) if data.len() == 1 => Ok(Control::Tos(data[0].into())),
            (IP, 1) => int().map(Control::Tos),
            (IP, 8) if data.len() != 12 => Err(Errno::EINVAL),
            (IP, 8) => (|| {
                let interface = i32::from_ne_bytes(word(0)?);
                Ok(Control::PktInfo { interface, local: word(4)?.into(), to: word(8)?.into() })
            })(),
            (IPV6, 52) => int().map(Control::HopLimit),
            (IPV6, 67) => int().map(Control::TClass),
            (IPV6, 50) => (|| {
                let address: [u8; 16] =
                    data.get(..16).unwrap_or_default().try_into().map_err(|_| Errno::EINVAL)?;
                Ok(Control::PktInfo6 { local: address.into(), interface: u32::from_ne_bytes(word(16)?) })
            })(),
            _ => return None,
        })
    }
}
