//! When a receiver acknowledges: at once, when enough has been read, or along with what it sends; else 40 ms later. What
//! it goes by is what Linux goes by (tcp_input.c: `tcp_measure_rcv_mss`, `tcp_event_data_recv`, `__tcp_ack_snd_check`;
//! tcp.c: `__tcp_cleanup_rbuf`; tcp_output.c: `__tcp_select_window`), with its default buffer of 128 KiB. Bytes need no
//! acknowledgement to make room here, so that all that shows is when the FIN is acknowledged.

use super::Fifo;

/// `TCP_MSS_DEFAULT`: what a full segment is, as long as none has come.
const MSS_DEFAULT: u64 = 536;
/// Segments from this length on can lower the estimate (`TCP_MSS_DEFAULT` less the options of the header).
const SAMPLE_MIN: u64 = 524;
/// `TCP_MAX_QUICKACKS`.
const QUICK_MAX: u64 = 16;
/// What a segment takes of the buffer beside its bytes, and how many parts one has room for (`MAX_SKB_FRAGS`).
const OVERHEAD: u64 = 832;
const PARTS_MAX: u8 = 17;
/// The default of `tcp_rmem`, and the window that belongs to it.
const BUFFER: u64 = 131_072;
const WINDOW: u64 = 65_536;
const THRESHOLD: u64 = 65_483;
/// `TCP_DEFAULT_SCALING_RATIO`: half of the buffer is bytes.
const RATIO: u64 = 128;
/// Windows are advertised in multiples of this.
const SCALE: u64 = 1024;
/// The longest segment that is announced.
const ADVMSS: u64 = 65_483;
/// From this length on a segment makes the window grow.
const GROWS: u64 = 128;

/// A segment in the receive queue, and those that were merged into it.
struct Piece {
    end: u64,
    /// The end of its own bytes: until they are acknowledged its memory is the sender's too, and nothing is merged.
    own_end: u64,
    size: u64,
    parts: u8,
}

/// What the receiver of one direction goes by. Positions count the FIN as one more byte.
pub(crate) struct Acknowledging {
    pieces: Fifo<Piece>,
    /// What they take of the buffer.
    used: u64,
    /// `rcv_nxt`, `copied_seq`: what has come, and what has been read.
    next: u64,
    read: u64,
    /// `rcv_wup`, `rcv_wnd`: what was acknowledged last, and the window that was advertised with it.
    advertised: u64,
    window: u64,
    /// `rcv_mss`, `last_seg_size`: what a full segment seems to be.
    mss: u64,
    last: u64,
    /// `scaling_ratio`, of 256: how much of the buffer are bytes. `window_clamp`, `rcv_ssthresh`: what follows from it.
    ratio: u64,
    clamp: u64,
    threshold: u64,
    /// So many are sent at once, until something is sent back (`inet_csk_in_pingpong_mode`).
    quick: u64,
    answers: bool,
    began: bool,
    /// One is due; so many pieces came since the last (`ICSK_ACK_PUSHED`, `ICSK_ACK_PUSHED2`).
    due: bool,
    pushed: u8,
    /// The FIN is among what has come; it was merged with the bytes before it.
    fin: bool,
    fin_merged: bool,
}

impl Default for Acknowledging {
    fn default() -> Self {
        Acknowledging {
            pieces: Fifo::default(),
            used: 0,
            next: 0,
            read: 0,
            advertised: 0,
            window: WINDOW,
            mss: MSS_DEFAULT,
            last: 0,
            ratio: RATIO,
            clamp: WINDOW,
            threshold: THRESHOLD,
            quick: 0,
            answers: false,
            began: false,
            due: false,
            pushed: 0,
            fin: false,
            fin_merged: false,
        }
    }
}

impl Acknowledging {
    /// A segment of `n` bytes has come; `low`: how many bytes the receiver wants at least.
    #[inline(always)]
    pub fn arrived(&mut self, n: u64, low: u64) {
        self.queue(n, n);
        self.due = true;
        self.measure(n);
        if !self.began {
            self.began = true;
            self.quick = self.quick.max((self.window / (2 * self.mss)).clamp(2, QUICK_MAX));
        }
        if n >= GROWS {
            let room = self.clamp.min(self.space()).saturating_sub(self.threshold);
            if room > 0 {
                self.threshold += room.min(2 * ADVMSS);
                self.quick |= 1;
            }
        }
        if self.is_enough(low) || self.quick > 0 && !self.answers {
            self.sent();
        }
    }

    /// The FIN has come; whether that is acknowledged at once.
    pub fn ended(&mut self, low: u64) -> bool {
        self.queue(0, 1);
        self.fin = true;
        (self.due, self.answers) = (true, true);
        let now = self.is_enough(low);
        if now {
            self.sent();
        }
        now
    }

    /// Something was sent back, and acknowledges what has come; `data`: not only an end.
    #[inline(always)]
    pub fn answered(&mut self, data: bool) {
        self.sent();
        self.answers |= data && self.began;
    }

    /// The receiver has looked: it has read up to `to`, `took` something, and looked beyond the last byte where `beyond`.
    /// Whether it acknowledges then.
    #[inline(always)]
    pub fn looked(&mut self, to: u64, took: bool, beyond: bool) -> bool {
        self.read = self.read.max(to);
        // An end that was merged with the last bytes goes with them.
        if self.fin && to + 1 == self.next && (beyond || took && self.fin_merged) {
            self.read = self.next;
        }
        while let Some(piece) = self.pieces.front().filter(|piece| piece.end <= self.read) {
            self.used -= piece.size;
            self.pieces.pop_front();
        }
        let drained = took && self.used == 0;
        let pushed = self.pushed >= 2 || self.pushed == 1 && !self.answers;
        let enough = self.next - self.advertised > self.mss || drained && pushed;
        let now = self.due && enough || took && !self.fin && self.window_opens();
        if now {
            self.sent();
        }
        now
    }

    #[inline(always)]
    fn queue(&mut self, n: u64, positions: u64) {
        self.next += positions;
        let end = self.next;
        match self.pieces.back_mut() {
            Some(last) if last.own_end <= self.advertised && (last.parts < PARTS_MAX || n == 0) => {
                last.end = end;
                last.size += n;
                last.parts += u8::from(n > 0);
                self.used += n;
                self.fin_merged = true;
            }
            _ => {
                let size = OVERHEAD + n;
                self.pieces.push_back(Piece { end, own_end: end, size, parts: u8::from(n > 0) });
                self.used += size;
                self.fin_merged = false;
            }
        }
    }

    /// `tcp_measure_rcv_mss`: every segment is the last of a write.
    fn measure(&mut self, n: u64) {
        let last = std::mem::take(&mut self.last);
        if n >= self.mss {
            let ratio = n * 256 / (n + OVERHEAD);
            if n != self.mss && ratio != self.ratio {
                self.ratio = ratio;
                self.set_clamp(self.full());
            }
            self.mss = n.min(ADVMSS);
            self.pushed = self.pushed.max(1);
            return;
        }
        if n >= SAMPLE_MIN {
            self.last = n;
            if n == last {
                self.mss = n;
                return;
            }
        }
        self.pushed = (self.pushed + 1).min(2);
    }

    fn set_clamp(&mut self, clamp: u64) {
        self.threshold = match clamp < self.clamp {
            true => self.threshold.min(clamp),
            false => self.threshold.max(self.window.min(clamp)),
        };
        self.clamp = clamp;
    }

    /// How many bytes the buffer has room for, with nothing in it, and as it is.
    fn full(&self) -> u64 {
        BUFFER * self.ratio / 256
    }

    fn space(&self) -> u64 {
        BUFFER.saturating_sub(self.used) * self.ratio / 256
    }

    /// The window that could be advertised now.
    fn select(&mut self) -> u64 {
        let mut free = self.space();
        if free < self.clamp.min(self.full()) / 2 {
            self.quick = 0;
            free -= free % SCALE;
            if free < self.full() / 16 || free < self.mss {
                return 0;
            }
        }
        free.min(self.threshold).next_multiple_of(SCALE)
    }

    /// What is left of the window that was advertised.
    #[inline(always)]
    fn left(&self) -> u64 {
        (self.advertised + self.window).saturating_sub(self.next)
    }

    /// Whether the window would be twice what is left of it.
    #[inline(always)]
    fn window_opens(&mut self) -> bool {
        let left = self.left();
        2 * left <= self.clamp && {
            let window = self.select();
            window != 0 && window >= 2 * left
        }
    }

    /// More than a full segment is not acknowledged, and the window need not shrink for it.
    #[inline(always)]
    fn is_enough(&mut self, low: u64) -> bool {
        self.next - self.advertised > self.mss
            && (self.next - self.read < low || self.select() >= self.window)
    }

    #[cold]
    fn advertise(&mut self) {
        let (left, window) = (self.left(), self.select());
        self.window = if window < left { left.next_multiple_of(SCALE) } else { window };
    }

    /// An acknowledgement leaves. The window that was advertised is not taken back.
    #[inline(always)]
    fn sent(&mut self) {
        // As long as nothing but a little at a time has come, the window stays.
        let usual = self.window == WINDOW && self.threshold == THRESHOLD && self.used < BUFFER / 4;
        if !usual || self.ratio != RATIO || self.next - self.advertised >= SCALE {
            self.advertise();
        }
        self.advertised = self.next;
        self.quick = self.quick.saturating_sub(u64::from(self.due));
        (self.due, self.pushed) = (false, 0);
    }
}
