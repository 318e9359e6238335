//! What shrinking and replay rely on: values depend on the key alone, overrides win, 0 is the base.

use super::*;

const SPLIT: Domain = Domain("wire.split");
const ALWAYS: Distribution = Distribution::uniform(1, 1_000_000);

fn take(choices: &mut Choices, stream: &mut Stream, object: &str) -> u64 {
    choices.choose(stream, SPLIT, true, ALWAYS, || object.to_owned())
}

#[test]
fn a_value_depends_on_its_key_and_not_on_what_else_was_chosen() {
    let mut alone = Choices::new(Base::Seed(7), &Overrides::new());
    let mut a = Stream::default();
    let expected: Vec<u64> = (0..100).map(|_| take(&mut alone, &mut a, "a")).collect();

    let mut mixed = Choices::new(Base::Seed(7), &Overrides::new());
    let (mut a, mut b) = (Stream::default(), Stream::default());
    let seen: Vec<u64> = (0..100)
        .map(|turn| {
            for _ in 0..turn % 3 {
                take(&mut mixed, &mut b, "b");
            }
            take(&mut mixed, &mut a, "a")
        })
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn an_override_beyond_its_range_is_brought_into_it() {
    let key = Key { domain: SPLIT.0.to_owned(), object: "a".to_owned(), ordinal: 0 };
    let mut choices = Choices::new(Base::Zero, &Overrides::from([(key.clone(), 90)]));
    choices.record();
    let few = Distribution::uniform(0, 7);
    assert_eq!(choices.choose(&mut Stream::default(), SPLIT, true, few, || "a".to_owned()), 7);
    assert_eq!(choices.recorded(), [(key, 7)]);
}

#[test]
fn a_family_that_is_off_for_a_while_does_not_shift_the_rest() {
    let mut always = Choices::new(Base::Seed(7), &Overrides::new());
    let mut stream = Stream::default();
    let expected: Vec<u64> = (0..40).map(|_| take(&mut always, &mut stream, "a")).collect();

    let mut pausing = Choices::new(Base::Seed(7), &Overrides::new());
    let mut stream = Stream::default();
    for (at, &value) in expected.iter().enumerate() {
        let active = at % 4 != 1;
        let seen = pausing.choose(&mut stream, SPLIT, active, ALWAYS, || "a".to_owned());
        assert_eq!(seen, if active { value } else { 0 });
    }
}

#[test]
fn what_is_recorded_replays_on_the_zero_base() {
    let mut drawn = Choices::new(Base::Seed(99), &Overrides::new());
    drawn.record();
    let mut stream = Stream::default();
    let rare = Distribution::rarely_log(20_000, 1, 1 << 40);
    let values: Vec<u64> =
        (0..500).map(|_| drawn.choose(&mut stream, SPLIT, true, rare, || "x".to_owned())).collect();
    let kept: Overrides = drawn.recorded().iter().cloned().collect();
    assert_eq!(kept.len(), values.iter().filter(|&&value| value != 0).count());

    let mut replayed = Choices::new(Base::Zero, &kept);
    let mut stream = Stream::default();
    let again: Vec<u64> =
        (0..500).map(|_| replayed.choose(&mut stream, SPLIT, false, rare, || "x".to_owned())).collect();
    assert_eq!(again, values);
    assert!(replayed.unused_overrides().is_empty());
}

#[test]
fn an_override_that_nobody_asks_for_is_listed() {
    let gone: Key = "wire.split nobody 3".parse().unwrap();
    let choices = Choices::new(Base::Zero, &Overrides::from([(gone.clone(), 1)]));
    assert_eq!(choices.unused_overrides(), [gone]);
}

/// Fixed vectors: old seeds must keep their meaning on every machine and in every build.
#[test]
fn the_draws_of_format_1() {
    let mut choices = Choices::new(Base::Seed(1), &Overrides::new());
    let mut stream = Stream::default();
    let values: Vec<u64> = (0..4).map(|_| take(&mut choices, &mut stream, "a")).collect();
    insta::assert_debug_snapshot!(values);
}

#[test]
fn keys_and_seeds_read_back() {
    for text in ["wire.split client-1#1>server:6379/up 4", "a b 0", "workload client-1/0:value length 1"] {
        assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
    }
    for text in ["", "a", "a b", "a b c", "a  1", "a b -1", " b 1"] {
        assert!(text.parse::<Key>().is_err(), "{text:?}");
    }
    assert_eq!(parse_seed("0xff"), Ok(255));
    assert_eq!(parse_seed("18446744073709551615"), Ok(u64::MAX));
    for text in ["", "1x", "-1", "+1", "0x", "0x+1", "18446744073709551616", " 1"] {
        assert!(parse_seed(text).is_err(), "{text:?}");
    }
}

proptest::proptest! {
    /// Whatever a scenario calls its hosts, files and choices, a replay file that was written can be read.
    #[test]
    fn every_key_that_is_printed_reads_back(domain in "[a-z.-]+", object in "(?s).+", ordinal: u64) {
        let key = Key { domain, object, ordinal };
        proptest::prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
    }

    #[test]
    fn values_stay_in_range(chance in 0_u32..=65_536, low in 1_u64..1 << 50, span in 0_u64..1 << 50, draw: u64, log: bool) {
        let high = low + span;
        let distribution =
            if log { Distribution::rarely_log(chance, low, high) } else { Distribution::rarely(chance, low, high) };
        let value = distribution.value(draw);
        proptest::prop_assert!(value == 0 || (low..=high).contains(&value));
        proptest::prop_assert!(chance != 0 || value == 0);
        proptest::prop_assert!(chance != 65_536 || value != 0);
    }
}
