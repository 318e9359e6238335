//! Socket options whose value is one `int`, as a table: they need no type of their own.

/// `SOL_SOCKET`, `IPPROTO_IP`, `IPPROTO_TCP`, `IPPROTO_IPV6`.
pub(super) const SOCKET: i32 = 1;
pub(super) const IP: i32 = 0;
pub(super) const TCP: i32 = 6;
pub(super) const IPV6: i32 = 41;

macro_rules! options {
    ($($(#[$doc:meta])* $option:ident = $level:ident $number:literal $name:literal;)*) => {
        /// A socket option with an `int` as its value, which no variant of [`SocketOption`](crate::SocketOption) has for
        /// itself. What it does, its range and its errors are in the manual page of its level: `socket(7)`, `ip(7)`,
        /// `tcp(7)`, `ipv6(7)`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum NumberOption {
            $($(#[$doc])* #[doc = concat!("`", $name, "`.")] $option,)*
        }

        impl NumberOption {
            /// All of them.
            pub const ALL: &'static [NumberOption] = &[$(NumberOption::$option,)*];

            /// Its level and its number, as `setsockopt(2)` takes them.
            pub const fn number(self) -> (i32, i32) {
                match self {
                    $(NumberOption::$option => ($level, $number),)*
                }
            }

            /// Its name in C.
            pub const fn name(self) -> &'static str {
                match self {
                    $(NumberOption::$option => $name,)*
                }
            }
        }
    };
}

options! {
    /// Read-only.
    Type = SOCKET 3 "SO_TYPE";
    /// Read-only.
    Protocol = SOCKET 38 "SO_PROTOCOL";
    /// Read-only.
    Domain = SOCKET 39 "SO_DOMAIN";
    /// Read-only.
    AcceptConn = SOCKET 30 "SO_ACCEPTCONN";
    /// Read-only.
    SendLowAt = SOCKET 19 "SO_SNDLOWAT";
    Debug = SOCKET 1 "SO_DEBUG";
    DontRoute = SOCKET 5 "SO_DONTROUTE";
    Broadcast = SOCKET 6 "SO_BROADCAST";
    NoCheck = SOCKET 11 "SO_NO_CHECK";
    Priority = SOCKET 12 "SO_PRIORITY";
    Timestamp = SOCKET 29 "SO_TIMESTAMP";
    TimestampNs = SOCKET 35 "SO_TIMESTAMPNS";
    Mark = SOCKET 36 "SO_MARK";
    OverflowCount = SOCKET 40 "SO_RXQ_OVFL";
    SelectErrorQueue = SOCKET 45 "SO_SELECT_ERR_QUEUE";
    BusyPoll = SOCKET 46 "SO_BUSY_POLL";
    MaxPacingRate = SOCKET 47 "SO_MAX_PACING_RATE";
    IncomingCpu = SOCKET 49 "SO_INCOMING_CPU";
    PreferBusyPoll = SOCKET 69 "SO_PREFER_BUSY_POLL";
    MaxSegment = TCP 2 "TCP_MAXSEG";
    Cork = TCP 3 "TCP_CORK";
    SynCount = TCP 7 "TCP_SYNCNT";
    Linger2 = TCP 8 "TCP_LINGER2";
    DeferAccept = TCP 9 "TCP_DEFER_ACCEPT";
    WindowClamp = TCP 10 "TCP_WINDOW_CLAMP";
    QuickAck = TCP 12 "TCP_QUICKACK";
    ThinLinearTimeouts = TCP 16 "TCP_THIN_LINEAR_TIMEOUTS";
    FastOpen = TCP 23 "TCP_FASTOPEN";
    NotSentLowAt = TCP 25 "TCP_NOTSENT_LOWAT";
    FastOpenConnect = TCP 30 "TCP_FASTOPEN_CONNECT";
    Inq = TCP 36 "TCP_INQ";
    Tos = IP 1 "IP_TOS";
    Ttl = IP 2 "IP_TTL";
    RecvOpts = IP 6 "IP_RECVOPTS";
    PktInfo = IP 8 "IP_PKTINFO";
    MtuDiscover = IP 10 "IP_MTU_DISCOVER";
    RecvErr = IP 11 "IP_RECVERR";
    RecvTtl = IP 12 "IP_RECVTTL";
    RecvTos = IP 13 "IP_RECVTOS";
    /// Read-only, of a socket that is connected; in bytes.
    Mtu = IP 14 "IP_MTU";
    FreeBind = IP 15 "IP_FREEBIND";
    Transparent = IP 19 "IP_TRANSPARENT";
    RecvOrigDstAddr = IP 20 "IP_RECVORIGDSTADDR";
    MinTtl = IP 21 "IP_MINTTL";
    BindAddressNoPort = IP 24 "IP_BIND_ADDRESS_NO_PORT";
    RecvFragSize = IP 25 "IP_RECVFRAGSIZE";
    MulticastTtl = IP 33 "IP_MULTICAST_TTL";
    MulticastLoop = IP 34 "IP_MULTICAST_LOOP";
    MulticastAll = IP 49 "IP_MULTICAST_ALL";
    UnicastHops = IPV6 16 "IPV6_UNICAST_HOPS";
    MulticastHops6 = IPV6 18 "IPV6_MULTICAST_HOPS";
    MulticastLoop6 = IPV6 19 "IPV6_MULTICAST_LOOP";
    MtuDiscover6 = IPV6 23 "IPV6_MTU_DISCOVER";
    RecvErr6 = IPV6 25 "IPV6_RECVERR";
    MulticastAll6 = IPV6 29 "IPV6_MULTICAST_ALL";
    RecvPktInfo6 = IPV6 49 "IPV6_RECVPKTINFO";
    RecvHopLimit = IPV6 51 "IPV6_RECVHOPLIMIT";
    DontFrag = IPV6 62 "IPV6_DONTFRAG";
    RecvTClass = IPV6 66 "IPV6_RECVTCLASS";
    TClass = IPV6 67 "IPV6_TCLASS";
    AutoFlowLabel = IPV6 70 "IPV6_AUTOFLOWLABEL";
    MinHopCount = IPV6 73 "IPV6_MINHOPCOUNT";
    RecvOrigDstAddr6 = IPV6 74 "IPV6_RECVORIGDSTADDR";
    Transparent6 = IPV6 75 "IPV6_TRANSPARENT";
    RecvFragSize6 = IPV6 77 "IPV6_RECVFRAGSIZE";
    FreeBind6 = IPV6 78 "IPV6_FREEBIND";
}

impl NumberOption {
    /// The option of this level and number.
    pub fn find(level: i32, number: i32) -> Option<NumberOption> {
        NumberOption::ALL.iter().copied().find(|option| option.number() == (level, number))
    }
}
