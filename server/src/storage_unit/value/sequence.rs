//! Numbers in an order that the caller keeps, found by their rank: a B+ tree whose inner nodes know how many numbers are
//! below each child. All takes a number of steps that grows with the logarithm of the length. It compares nothing itself;
//! what the numbers stand for, and so their order, `sorted_set` knows.

/// Numbers in a leaf, children in an inner node.
const WIDTH_MAX: usize = 128;
/// A node with fewer is joined with its neighbour, if both together leave some room.
const WIDTH_MIN: usize = WIDTH_MAX / 4;

/// Numbers in order.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    root: Node,
    length: usize,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<u32>),
    Inner(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    /// Numbers below; at least 1.
    count: usize,
    node: Node,
}

impl Default for Node {
    fn default() -> Self {
        Node::Leaf(Vec::new())
    }
}

impl Sequence {
    /// How many numbers.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The number at a rank, which must exist.
    pub fn at(&self, rank: usize) -> u32 {
        self.root.at(rank)
    }

    /// How many numbers are at the front for which `is_before` holds; after them it must hold for none.
    pub fn partition_point(&self, is_before: impl Fn(u32) -> bool) -> usize {
        self.root.partition_point(&is_before)
    }

    /// The numbers at these ranks, which must exist.
    pub fn range(&self, ranks: std::ops::Range<usize>) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(ranks.len());
        self.root.collect(ranks.start, ranks.len(), &mut numbers);
        numbers
    }

    /// Puts a number at a rank, at most [`Sequence::len`]; what was there and behind it moves up.
    pub fn insert(&mut self, rank: usize, number: u32) {
        self.length += 1;
        if let Some(right) = self.root.insert(rank, number) {
            let left = std::mem::take(&mut self.root);
            let children = [left, right].map(|node| Child { count: node.count(), node });
            self.root = Node::Inner(children.into());
        }
    }

    /// Takes the number at a rank out, which must exist.
    pub fn remove(&mut self, rank: usize) -> u32 {
        self.length -= 1;
        let number = self.root.remove(rank);
        if let Node::Inner(children) = &mut self.root
            && children.len() == 1
            && let Some(only) = children.pop()
        {
            self.root = only.node;
        }
        number
    }

    /// Writes another number over the one at a rank, which must exist.
    pub fn replace(&mut self, rank: usize, number: u32) {
        self.root.replace(rank, number);
    }
}

/// The child that has the rank, and the rank within it. One behind the last number of a child belongs to that child if
/// `at_end`, else to the next.
fn descend(children: &[Child], mut rank: usize, at_end: bool) -> (usize, usize) {
    let mut at = 0;
    while at + 1 < children.len() && rank + usize::from(!at_end) > children[at].count {
        rank -= children[at].count;
        at += 1;
    }
    (at, rank)
}

/// Where to cut a full node to put something at `at`. At an end: what goes on growing there shall leave full nodes behind.
fn cut(at: usize) -> usize {
    match at {
        0 => 0,
        WIDTH_MAX => WIDTH_MAX,
        _ => WIDTH_MAX / 2,
    }
}

/// Puts an item at `at`; what no longer fits is returned.
fn insert_into<T>(items: &mut Vec<T>, at: usize, item: T) -> Option<Vec<T>> {
    if items.len() < WIDTH_MAX {
        items.insert(at, item);
        return None;
    }
    let cut = cut(at);
    let mut right = items.split_off(cut);
    if at <= cut && cut < WIDTH_MAX {
        items.insert(at, item);
    } else {
        right.insert(at - cut, item);
    }
    Some(right)
}

impl Node {
    fn width(&self) -> usize {
        match self {
            Node::Leaf(numbers) => numbers.len(),
            Node::Inner(children) => children.len(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Node::Leaf(numbers) => numbers.len(),
            Node::Inner(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    fn first(&self) -> u32 {
        match self {
            Node::Leaf(numbers) => numbers[0],
            Node::Inner(children) => children[0].node.first(),
        }
    }

    fn at(&self, rank: usize) -> u32 {
        match self {
            Node::Leaf(numbers) => numbers[rank],
            Node::Inner(children) => {
                let (at, rank) = descend(children, rank, false);
                children[at].node.at(rank)
            }
        }
    }

    fn replace(&mut self, rank: usize, number: u32) {
        match self {
            Node::Leaf(numbers) => numbers[rank] = number,
            Node::Inner(children) => {
                let (at, rank) = descend(children, rank, false);
                children[at].node.replace(rank, number);
            }
        }
    }

    fn partition_point(&self, is_before: &impl Fn(u32) -> bool) -> usize {
        match self {
            Node::Leaf(numbers) => numbers.partition_point(|number| is_before(*number)),
            Node::Inner(children) => {
                // The first child needs no look: if its first number is not before, its own search says 0.
                let at = children[1..].partition_point(|child| is_before(child.node.first()));
                let skipped: usize = children[..at].iter().map(|child| child.count).sum();
                skipped + children[at].node.partition_point(is_before)
            }
        }
    }

    fn collect(&self, start: usize, count: usize, into: &mut Vec<u32>) {
        match self {
            Node::Leaf(numbers) => into.extend_from_slice(&numbers[start..start + count]),
            Node::Inner(children) => {
                let (mut start, mut left) = (start, count);
                for child in children {
                    let here = left.min(child.count.saturating_sub(start));
                    if here > 0 {
                        child.node.collect(start, here, into);
                        left -= here;
                    }
                    if left == 0 {
                        return;
                    }
                    start = start.saturating_sub(child.count);
                }
            }
        }
    }

    /// A new neighbour to the right, if there was no room.
    fn insert(&mut self, rank: usize, number: u32) -> Option<Node> {
        match self {
            Node::Leaf(numbers) => insert_into(numbers, rank, number).map(Node::Leaf),
            Node::Inner(children) => {
                let (at, rank) = descend(children, rank, true);
                let right = children[at].node.insert(rank, number);
                children[at].count += 1;
                let node = right?;
                let count = node.count();
                children[at].count -= count;
                insert_into(children, at + 1, Child { count, node }).map(Node::Inner)
            }
        }
    }

    fn remove(&mut self, rank: usize) -> u32 {
        match self {
            Node::Leaf(numbers) => numbers.remove(rank),
            Node::Inner(children) => {
                let (at, rank) = descend(children, rank, false);
                let child = &mut children[at];
                let number = child.node.remove(rank);
                child.count -= 1;
                if child.count == 0 {
                    children.remove(at);
                } else if child.node.width() < WIDTH_MIN {
                    join(children, at);
                }
                number
            }
        }
    }
}

/// Joins the narrow child at `at` with a neighbour, if both together leave some room.
fn join(children: &mut Vec<Child>, at: usize) {
    let left = if at + 1 < children.len() { at } else { at.saturating_sub(1) };
    let fits = |right: &Child| children[left].node.width() + right.node.width() <= WIDTH_MAX * 3 / 4;
    if !children.get(left + 1).is_some_and(fits) {
        return;
    }
    let right = children.remove(left + 1);
    let child = &mut children[left];
    match (&mut child.node, right.node) {
        (Node::Leaf(numbers), Node::Leaf(more)) => numbers.extend(more),
        (Node::Inner(below), Node::Inner(more)) => below.extend(more),
        // All leaves are at the same depth.
        (_, node) => return children.insert(left + 1, Child { count: right.count, node }),
    }
    child.count += right.count;
}

#[cfg(test)]
mod tests;
