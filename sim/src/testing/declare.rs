//! The light declarative form of a scenario.

/// Declares scenarios, each an ordinary test as well, and a list of all of them for the command line.
///
/// ```
/// eagain_sim::scenarios! {
///     /// What a sweep runs.
///     pub const SCENARIOS;
///
///     /// Two hosts, and nothing happens.
///     quiet_world(sim) {
///         let host = sim.host("server");
///         sim.client(host, "main", |_kernel| {});
///     }
///
///     /// The same with a knob, and more seeds.
///     noisy_world(sim, seeds = 64, knobs = &[]) {
///         let host = sim.host("server");
///         sim.client(host, "main", |_kernel| {});
///     }
/// }
/// assert_eq!(SCENARIOS[0].name, "quiet-world");
/// assert_eq!(SCENARIOS[0].about, "Two hosts, and nothing happens.");
/// assert_eq!(noisy_world::SCENARIO.seeds, 64);
/// ```
#[macro_export]
macro_rules! scenarios {
    (
        $(#[$meta:meta])* $vis:vis const $all:ident;
        $(
            $(#[doc = $about:literal])+
            $name:ident($sim:ident $(, seeds = $seeds:expr)? $(, knobs = $knobs:expr)? $(,)?) $body:block
        )*
    ) => {
        $(#[$meta])*
        $vis const $all: &[$crate::run::Scenario] = &[$($name::SCENARIO),*];
        $(
            $(#[doc = $about])+
            pub mod $name {
                #[allow(unused_imports)]
                use super::*;

                const BYTES: [u8; stringify!($name).len()] = $crate::testing::hyphens(stringify!($name));

                $(#[doc = $about])+
                pub const SCENARIO: $crate::run::Scenario = $crate::run::Scenario {
                    name: match ::core::str::from_utf8(&BYTES) {
                        Ok(name) => name,
                        Err(_) => stringify!($name),
                    },
                    about: ::core::concat!($($about),+).trim_ascii(),
                    knobs: $crate::scenarios!(@or &[], $($knobs)?),
                    seeds: $crate::scenarios!(@or 32, $($seeds)?),
                    body,
                };

                $crate::declared!(SCENARIO.name);

                fn body($sim: &mut $crate::Sim) $body

                #[cfg(test)]
                #[test]
                fn holds() {
                    $crate::testing::test(&SCENARIO, &$crate::site!("holds"));
                }
            }
        )*
    };
    (@or $default:expr, $given:expr) => { $given };
    (@or $default:expr,) => { $default };
}

/// Makes an ordinary test of each scenario that is there already.
///
/// ```
/// # use eagain_sim::run::Scenario;
/// const QUIET: Scenario = Scenario { name: "quiet", about: "", knobs: &[], seeds: 8, body: |_| {} };
/// eagain_sim::scenario_tests! {
///     a_quiet_world_stays_quiet => QUIET;
/// }
/// ```
#[macro_export]
macro_rules! scenario_tests {
    ($($name:ident => $scenario:expr;)*) => {
        $(
            #[cfg(test)]
            #[test]
            fn $name() {
                $crate::testing::test(&$scenario, &$crate::site!(stringify!($name)));
            }
        )*
    };
}

/// Where the test of this name is: a [`Site`](crate::testing::Site), of what cargo and the compiler know here.
#[macro_export]
macro_rules! site {
    ($function:expr) => {
        $crate::testing::Site {
            manifest: ::core::env!("CARGO_MANIFEST_DIR"),
            package: ::core::env!("CARGO_PKG_NAME"),
            crate_name: ::core::env!("CARGO_CRATE_NAME"),
            binary: ::core::option_env!("CARGO_BIN_NAME"),
            // Cargo sets it for integration tests and benches alone.
            integration: ::core::option_env!("CARGO_TARGET_TMPDIR").is_some(),
            module: ::core::module_path!(),
            function: $function,
        }
    };
}

/// The bytes of an identifier with hyphens for its underscores: how a scenario is called.
pub const fn hyphens<const N: usize>(name: &str) -> [u8; N] {
    let bytes = name.as_bytes();
    let mut hyphenated = [0; N];
    let mut at = 0;
    while at < N {
        hyphenated[at] = if bytes[at] == b'_' { b'-' } else { bytes[at] };
        at += 1;
    }
    hyphenated
}
