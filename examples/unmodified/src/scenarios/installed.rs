//! Servers of C as this machine has them installed.

use crate::programs::installed;
use eagain::{Scenario, World};

const MEMCACHED_PATH: &str = "/usr/bin/memcached";
const NGINX_PATH: &str = "/usr/sbin/nginx";
const HAPROXY_PATH: &str = "/usr/sbin/haproxy";

/// Not made by the attribute, as the other one: its test is skipped where there is no memcached.
pub const MEMCACHED: Scenario = Scenario {
    name: "memcached",
    about: "the installed memcached, with its threads: each value that was set is there",
    knobs: &[],
    seeds: 8,
    body: |sim| World::build(sim, memcached),
};

fn memcached(world: &mut World<'_>) {
    // It changes to this user; UDP off.
    let arguments = ["-u", "nobody", "-l", "0.0.0.0", "-U", "0"];
    world.host("cache").binary(MEMCACHED_PATH, arguments).server();
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || installed::memcached(i));
    }
}

pub const NGINX: Scenario = Scenario {
    name: "nginx",
    about: "the installed nginx: a small and a large file over connections that are kept",
    knobs: &[],
    seeds: 8,
    body: |sim| World::build(sim, nginx),
};

/// One process in the foreground.
const CONFIGURATION: &str = "daemon off; master_process off; error_log stderr; pid /nginx.pid;
events {}
http { access_log off; server { listen 80; root /www; } }";

fn nginx(world: &mut World<'_>) {
    let files =
        [("/small", b"hello\n".to_vec()), ("/large", (0..100_000).map(|i| (i % 251) as u8).collect())];
    let mut host = world.host("web").directory("/var/lib/nginx").file("/nginx.conf", CONFIGURATION);
    for (path, contents) in &files {
        host = host.file(&format!("/www{path}"), contents);
    }
    host.binary(NGINX_PATH, ["-c", "/nginx.conf"]).server();
    for (number, (path, contents)) in files.into_iter().enumerate() {
        world.host(format!("client-{number}")).client(move || installed::http(path, &contents));
    }
}

pub const HAPROXY: Scenario = Scenario {
    name: "haproxy",
    about: "the installed haproxy before a server on std: each reply is whole, over connections that are kept",
    knobs: &[],
    seeds: 8,
    body: |sim| World::build(sim, haproxy),
};

/// Without `maxconn` it takes all the descriptors that it may have, and fills tables for a million of them at each start. The times
/// are longer than a slow line takes: what is late is no failure here.
const PROXY: &str = "global
  maxconn 100
defaults
  mode http
  timeout connect 200s
  timeout client 200s
  timeout server 200s
frontend web
  bind 0.0.0.0:80
  default_backend origin
backend origin
  server origin origin:80
";

fn haproxy(world: &mut World<'_>) {
    world.host("origin").server(installed::origin);
    world
        .host("web")
        .file("/haproxy.cfg", PROXY)
        .binary(HAPROXY_PATH, ["-db", "-f", "/haproxy.cfg"])
        .server();
    for i in 0..2 {
        let body = installed::body();
        world.host(format!("client-{i}")).client(move || installed::http("/", &body));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eagain::sim::testing::Site;

    fn run(scenario: &Scenario, path: &str, site: &Site) {
        if !std::path::Path::new(path).exists() {
            eprintln!("skipped: there is no {path}");
            return;
        }
        eagain::test(scenario, site);
    }

    #[test]
    fn memcached_holds() {
        run(&MEMCACHED, MEMCACHED_PATH, &eagain::sim::site!("memcached_holds"));
    }

    #[test]
    fn haproxy_holds() {
        run(&HAPROXY, HAPROXY_PATH, &eagain::sim::site!("haproxy_holds"));
    }

    #[test]
    fn nginx_holds() {
        run(&NGINX, NGINX_PATH, &eagain::sim::site!("nginx_holds"));
    }
}
