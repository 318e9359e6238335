//! The arguments of one request as ranges into the buffer that it arrived in: nothing is copied until a command
//! stores something. [`Arguments::at`] hands out slices that live as long as the buffer, so a command may hold
//! several at once.

/// Where one argument lies, from `start` up to and without `end`, counted from the first byte of its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte; never below `start`.
    pub end: usize,
}

/// One request: its name at 0, what follows after it. May be empty only between decoder and connection.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Arguments<'a> {
    /// A view of `spans` in `bytes`; every span must lie within `bytes`.
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Arguments { bytes, spans }
    }

    /// How many, the command's name included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the request says nothing at all (`*0`, or an empty line).
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, which must exist; a command's arity check has seen to that.
    #[inline]
    pub fn at(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.end]
    }

    /// The argument at `index`, if the request has that many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.bytes[span.start..span.end])
    }

    /// All arguments from `index` on.
    pub fn from(
        &self,
        index: usize,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans[index.min(self.spans.len())..].iter().map(move |span| &bytes[span.start..span.end])
    }

    /// The request that is left without the first `count` words.
    pub fn behind(&self, count: usize) -> Arguments<'a> {
        Arguments { bytes: self.bytes, spans: &self.spans[count.min(self.spans.len())..] }
    }

    /// All arguments, the name first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        self.from(0)
    }

    /// The bytes of all arguments together, as far as memory accounting cares.
    pub fn bytes_total(&self) -> usize {
        self.spans.iter().map(|span| span.end - span.start).sum()
    }
}
