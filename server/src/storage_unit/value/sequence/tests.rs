//! The tree against a vector, and how full its leaves are.

use super::*;
use proptest::prelude::*;

/// Checks what every node promises; the depth.
fn check(node: &Node, is_root: bool) -> usize {
    assert!(node.width() <= WIDTH_MAX && (is_root || node.width() > 0));
    match node {
        Node::Leaf(_) => 1,
        Node::Inner(children) => {
            assert!(!is_root || children.len() > 1);
            let depths: Vec<usize> = children.iter().map(|child| check(&child.node, false)).collect();
            assert!(children.iter().all(|child| child.count == child.node.count()));
            assert!(depths.iter().all(|depth| *depth == depths[0]));
            depths[0] + 1
        }
    }
}

fn leaves(node: &Node) -> usize {
    match node {
        Node::Leaf(_) => 1,
        Node::Inner(children) => children.iter().map(|child| leaves(&child.node)).sum(),
    }
}

proptest! {
    #[test]
    fn is_a_vector(steps in proptest::collection::vec((0u8..5, any::<u16>(), 1usize..400), 1..60)) {
        let (mut sequence, mut model) = (Sequence::default(), Vec::new());
        for (step, place, times) in steps {
            for time in 0..times {
                let place = usize::from(place).wrapping_mul(time + 1);
                match step {
                    0..=2 => {
                        // At the front, at the end, and in between.
                        let rank = [0, model.len(), place % (model.len() + 1)][usize::from(step)];
                        sequence.insert(rank, time as u32);
                        model.insert(rank, time as u32);
                    }
                    _ if model.is_empty() => {}
                    3 => {
                        let rank = place % model.len();
                        prop_assert_eq!(sequence.remove(rank), model.remove(rank));
                    }
                    _ => {
                        let rank = place % model.len();
                        sequence.replace(rank, 7);
                        model[rank] = 7;
                        prop_assert_eq!(sequence.at(rank), 7);
                    }
                }
            }
            check(&sequence.root, true);
            prop_assert_eq!(sequence.len(), model.len());
            prop_assert_eq!(&sequence.range(0..model.len()), &model);
            let start = usize::from(place) % (model.len() + 1);
            let end = (start + times).min(model.len());
            prop_assert_eq!(&sequence.range(start..end)[..], &model[start..end]);
        }
    }
}

#[test]
fn a_search_finds_every_border() {
    let mut sequence = Sequence::default();
    (0..20_000u32).for_each(|number| sequence.insert(number as usize, number * 2));
    for border in (0..40_001u32).step_by(7) {
        assert_eq!(sequence.partition_point(|number| number < border), border.div_ceil(2) as usize);
    }
}

#[test]
fn numbers_that_come_in_order_fill_the_leaves() {
    let (mut up, mut down) = (Sequence::default(), Sequence::default());
    for number in 0..12_800 {
        up.insert(number as usize, number);
        down.insert(0, number);
    }
    assert_eq!((leaves(&up.root), leaves(&down.root)), (100, 100));
}

#[test]
fn what_was_large_becomes_small() {
    let mut sequence = Sequence::default();
    (0..50_000u32).for_each(|number| sequence.insert(number as usize / 2, number));
    while sequence.len() > 10 {
        sequence.remove(sequence.len() * 2 / 3);
    }
    assert_eq!(check(&sequence.root, true), 1);
}
