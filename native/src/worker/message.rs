//! A specification and a report as bytes. Both ends are the same executable: no versions, and a scenario is the place of its
//! body in it.

use eagain_sim::Sim;
use eagain_sim::choice::{Base, Key, Made, Mix};
use eagain_sim::run::{Empty, Failure, Feature, Knob, Record, RunReport, RunSpec, Scenario, TraceLog};
use eagain_sim::trace::{Event, Kind};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut one: impl FnMut(&mut Writer, T)) {
        self.number(items.len() as u64);
        items.for_each(|item| one(self, item));
    }

    fn option<T>(&mut self, item: Option<T>, one: impl FnOnce(&mut Writer, T)) {
        self.number(u64::from(item.is_some()));
        if let Some(item) = item {
            one(self, item);
        }
    }

    fn key(&mut self, key: &Key) {
        self.text(&key.domain);
        self.text(&key.object);
        self.number(key.ordinal);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*head))
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    fn list<T, C: FromIterator<T>>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<C> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn option<T>(&mut self, one: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.number()? == 0 { Some(None) } else { one(self).map(Some) }
    }

    fn key(&mut self) -> Option<Key> {
        Some(Key { domain: self.text()?, object: self.text()?, ordinal: self.number()? })
    }
}

/// A text for as long as the process: names of families and oracles, of which there are few.
fn interned(text: String) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&known) = texts.get(&*text) {
        return known;
    }
    let text: &'static str = text.leak();
    texts.insert(text);
    text
}

/// Where the executable lies: (lowest address, first address behind).
pub fn executable() -> (usize, usize) {
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, found: *mut std::ffi::c_void) -> i32 {
        // SAFETY: the loader hands over a valid description; `found` is what is passed below.
        unsafe {
            let info = &*info;
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            let ends = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
            let end = ends.map(|header| header.p_vaddr + header.p_memsz).max().unwrap_or(0);
            *found.cast::<(usize, usize)>() = (info.dlpi_addr as usize, (info.dlpi_addr + end) as usize);
        }
        // The first is the executable.
        1
    }
    let mut found = (0, 0);
    // SAFETY: `each` takes what dl_iterate_phdr(3) passes, and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut found).cast()) };
    found
}

/// The request of a run, for the `executable` that lies there. The error is a line for people.
pub fn specification(
    spec: &RunSpec,
    mix: Option<&Mix>,
    (start, end): (usize, usize),
) -> Result<Vec<u8>, String> {
    let place = |address: usize| {
        (start..end).contains(&address).then(|| (address - start) as u64).ok_or_else(|| {
            format!(
                "scenario `{}` must be in the executable, not in a library that it loads",
                spec.scenario.name
            )
        })
    };
    let mut writer = Writer::default();
    writer.text(spec.scenario.name);
    writer.number(place(spec.scenario.body as usize)?);
    let knobs = spec.scenario.knobs;
    writer.number(if knobs.is_empty() { 0 } else { place(knobs.as_ptr() as usize)? });
    writer.number(knobs.len() as u64);
    writer.list(spec.settings.iter(), |writer, (name, value)| {
        writer.text(name);
        writer.text(value);
    });
    writer.option(if let Base::Seed(seed) = spec.base { Some(seed) } else { None }, Writer::number);
    writer.list(spec.overrides.iter(), |writer, (key, value)| {
        writer.key(key);
        writer.number(*value);
    });
    let (kind, event) = match spec.record {
        Record::Hash => (0, 0),
        Record::Choices => (1, 0),
        Record::Trace => (2, 0),
        Record::Places(event) => (3, event),
        Record::StopAt(event) => (4, event),
    };
    writer.number(kind);
    writer.number(event);
    writer.option(spec.events_max, Writer::number);
    writer.option(mix, |writer, mix| {
        for seeds in [&mix.domains, &mix.actors] {
            writer.list(seeds.iter(), |writer, (name, seed)| {
                writer.text(name);
                writer.number(*seed);
            });
        }
        writer.list(mix.forks.iter(), |writer, &(call, seed)| {
            writer.number(call);
            writer.number(seed);
        });
    });
    Ok(writer.0)
}

/// Takes what [`specification`] wrote from the beginning of `bytes`, in another process of the same executable, which lies from
/// `start`.
pub fn read_specification(bytes: &mut &[u8], start: usize) -> Option<(RunSpec, Option<Mix>)> {
    let mut reader = Reader(bytes);
    let name = interned(reader.text()?);
    let body = start + reader.number()? as usize;
    let (knobs, count) = (start + reader.number()? as usize, reader.number()? as usize);
    // SAFETY: the same executable wrote where its function and its constants lie, relative to where it lies.
    let (body, knobs) = unsafe {
        let body: fn(&mut Sim) = std::mem::transmute(body);
        let knobs: &'static [Knob] =
            if count == 0 { &[] } else { std::slice::from_raw_parts(knobs as *const Knob, count) };
        (body, knobs)
    };
    let spec = RunSpec {
        scenario: Scenario { name, about: "", knobs, seeds: 1, body },
        settings: reader.list(|reader| Some((reader.text()?, reader.text()?)))?,
        base: reader.option(Reader::number)?.map_or(Base::Zero, Base::Seed),
        overrides: reader.list(|reader| Some((reader.key()?, reader.number()?)))?,
        record: match (reader.number()?, reader.number()?) {
            (0, _) => Record::Hash,
            (1, _) => Record::Choices,
            (2, _) => Record::Trace,
            (3, event) => Record::Places(event),
            (_, event) => Record::StopAt(event),
        },
        events_max: reader.option(Reader::number)?,
    };
    let seed = |reader: &mut Reader| Some((reader.text()?, reader.number()?));
    let mix = reader.option(|reader| {
        Some(Mix {
            domains: reader.list(seed)?,
            actors: reader.list(seed)?,
            forks: reader.list(|reader| Some((reader.number()?, reader.number()?)))?,
        })
    })?;
    *bytes = reader.0;
    Some((spec, mix))
}

/// Adds a report to `bytes`, its length in front.
pub fn report(report: &RunReport, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    let mut writer = Writer(std::mem::take(bytes));
    writer.number(0);
    [report.hash, report.calls, report.simulated].into_iter().for_each(|number| writer.number(number));
    writer.option(report.failure.as_ref(), |writer, failure| {
        writer.text(failure.oracle.code());
        writer.text(&failure.site);
        writer.text(&failure.thread);
        writer.text(&failure.message);
        writer.number(failure.time);
        writer.number(failure.event);
    });
    writer.option(report.refused.as_deref(), Writer::text);
    writer.number(u64::from(report.mistaken));
    writer.list(report.unread.iter(), |writer, name| writer.text(name));
    writer.option(report.empty, |writer, empty| writer.number(u64::from(empty == Empty::NoCall)));
    writer.list(report.faults.iter(), |writer, (name, count)| {
        writer.text(name);
        writer.number(*count);
    });
    writer.list(report.sometimes.iter(), |writer, (name, reached)| {
        writer.text(name);
        writer.number(u64::from(*reached));
    });
    writer.list(report.choices.iter(), |writer, (key, value)| {
        writer.key(key);
        writer.number(*value);
    });
    writer.list(report.made.iter(), |writer, made| {
        writer.number(made.low);
        writer.number(made.after);
    });
    writer.list(report.unused.iter(), Writer::key);
    writer.option(report.trace.as_ref(), |writer, log| {
        writer.list(log.events.iter(), write_event);
        writer.bytes(&log.bytes);
        for texts in [&log.threads, &log.hosts, &log.texts] {
            writer.list(texts.iter(), |writer, text| writer.text(text));
        }
        writer.list(log.places.iter(), |writer, (event, place)| {
            writer.number(*event);
            writer.text(place);
        });
        writer.list(log.waits.iter(), |writer, (thread, fds)| {
            writer.number((*thread).into());
            writer.list(fds.iter(), |writer, fd| writer.number(*fd as u64));
        });
    });
    writer.text(&report.output);
    writer.text(&report.stacks);
    writer.list(report.features.iter(), |writer, feature| {
        writer.number(
            u64::from(feature.place) << 40 | u64::from(feature.range) << 32 | u64::from(feature.call),
        );
    });
    let length = (writer.0.len() - start - 8) as u64;
    writer.0[start..start + 8].copy_from_slice(&length.to_le_bytes());
    *bytes = writer.0;
}

/// What [`report`] wrote, without its length.
pub fn read_report(bytes: &[u8]) -> Option<RunReport> {
    let mut reader = Reader(bytes);
    Some(RunReport {
        hash: reader.number()?,
        calls: reader.number()?,
        simulated: reader.number()?,
        failure: reader.option(|reader| {
            Some(Failure {
                oracle: interned(reader.text()?).into(),
                site: reader.text()?,
                thread: reader.text()?,
                message: reader.text()?,
                time: reader.number()?,
                event: reader.number()?,
            })
        })?,
        refused: reader.option(Reader::text)?,
        mistaken: reader.number()? != 0,
        unread: reader.list(Reader::text)?,
        empty: reader
            .option(|reader| Some(if reader.number()? == 0 { Empty::NoClient } else { Empty::NoCall }))?,
        faults: reader.list(|reader| Some((interned(reader.text()?), reader.number()?)))?,
        sometimes: reader.list(|reader| Some((interned(reader.text()?), reader.number()? != 0)))?,
        choices: reader.list(|reader| Some((reader.key()?, reader.number()?)))?,
        made: reader.list(|reader| Some(Made { low: reader.number()?, after: reader.number()? }))?,
        unused: reader.list(Reader::key)?,
        trace: reader.option(|reader| {
            Some(TraceLog {
                events: reader.list(read_event)?,
                bytes: reader.bytes()?,
                threads: reader.list(Reader::text)?,
                hosts: reader.list(Reader::text)?,
                texts: reader.list(Reader::text)?,
                places: reader.list(|reader| Some((reader.number()?, reader.text()?)))?,
                waits: reader.list(|reader| {
                    Some((reader.number()? as u32, reader.list(|reader| Some(reader.number()? as i32))?))
                })?,
            })
        })?,
        output: reader.text()?,
        stacks: reader.text()?,
        features: reader.list(|reader| {
            let number = reader.number()?;
            Some(Feature { place: (number >> 40) as u16, range: (number >> 32) as u8, call: number as u32 })
        })?,
    })
}

fn write_event(writer: &mut Writer, event: &Event) {
    writer.number(event.number);
    writer.number(event.time);
    writer.number(event.thread.into());
    writer.number(event.kind.code());
    event.args.into_iter().for_each(|word| writer.number(word));
    writer.number(event.result as u64);
    writer.number(event.cause);
    writer.number(event.bytes.0.into());
    writer.number(event.bytes.1.into());
}

fn read_event(reader: &mut Reader<'_>) -> Option<Event> {
    let (number, time, thread) = (reader.number()?, reader.number()?, reader.number()? as u32);
    let kind = reader.number()?;
    Some(Event {
        number,
        time,
        thread,
        kind: Kind::from_code(kind)?,
        args: [reader.number()?, reader.number()?, reader.number()?, reader.number()?],
        result: reader.number()? as i64,
        cause: reader.number()?,
        bytes: (reader.number()? as u32, reader.number()? as u32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use eagain_sim::Oracle;
    use eagain_sim::run::{KnobValues, Settings};

    const KNOBS: &[Knob] =
        &[Knob { name: "version", about: "", values: KnobValues::Words(&["fixed", "broken"]) }];

    fn body(_: &mut Sim) {}

    #[test]
    fn a_report_is_the_same_on_the_other_side() {
        let failure = Failure {
            oracle: Oracle::Liveness,
            site: "deadlock".to_owned(),
            thread: String::new(),
            message: "no thread can ever run again".to_owned(),
            time: 7,
            event: 8,
        };
        let mut lost = RunReport::lost(failure);
        let log = lost.trace.get_or_insert_default();
        log.threads.push("server/0".to_owned());
        log.places.insert(8, "src/main.rs:3".to_owned());
        log.waits = vec![(0, vec![3, -1]), (u32::MAX, Vec::new())];
        let write = |of: &RunReport| {
            let mut bytes = vec![0];
            report(of, &mut bytes);
            bytes
        };
        let bytes = write(&lost);
        let read = read_report(&bytes[9..]).unwrap();
        assert_eq!(read.trace.as_ref().unwrap().waits, lost.trace.unwrap().waits);
        assert_eq!(read.failure, lost.failure);
        assert_eq!(write(&read), bytes);
    }

    #[test]
    fn a_specification_is_the_same_on_the_other_side() {
        let scenario = Scenario { name: "x", about: "", knobs: KNOBS, seeds: 1, body };
        let mut spec = RunSpec::seeded(scenario, Settings::from([("version".into(), "broken".into())]), 7);
        let key = Key { domain: "wire.split".into(), object: "a b".into(), ordinal: 3 };
        spec.overrides.insert(key, 9);
        spec.events_max = Some(5);
        let mix =
            Mix { domains: vec![("workload".into(), 7)], actors: Vec::new(), forks: vec![(3, u64::MAX)] };
        let here = executable();
        let write = |spec: &RunSpec, mix: Option<&Mix>| specification(spec, mix, here).unwrap();
        let bytes = write(&spec, Some(&mix));
        let (read, read_mix) = read_specification(&mut &bytes[..], here.0).unwrap();
        assert_eq!(read_mix, Some(mix));
        assert_eq!((read.scenario.name, read.scenario.knobs), ("x", KNOBS));
        assert_eq!(read.scenario.body as usize, body as fn(&mut Sim) as usize);
        assert_eq!(
            (read.settings, read.base, read.overrides),
            (spec.settings.clone(), spec.base, spec.overrides.clone())
        );
        assert_eq!(read.events_max, Some(5));
        let all = [Record::Hash, Record::Choices, Record::Trace, Record::Places(6), Record::StopAt(u64::MAX)];
        let bytes = all.map(|record| write(&RunSpec { record, ..spec.clone() }, None)).concat();
        let mut rest = &bytes[..];
        for record in all {
            assert_eq!(read_specification(&mut rest, here.0).map(|(read, _)| read.record), Some(record));
        }
        assert!(rest.is_empty());
        assert!(read_specification(&mut &bytes[..12], here.0).is_none());
    }
}
