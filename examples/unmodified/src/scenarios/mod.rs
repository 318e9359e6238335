//! Worlds of unmodified programs.

mod echo;
mod http;
mod installed;
mod local;
mod planted;
mod planted_sessions;
mod planted_streams;
mod planted_threads;
mod redis;

use eagain::Scenario;

/// What the command knows.
pub const ALL: &[Scenario] = &[
    echo::std_echo::SCENARIO,
    echo::tokio_current_thread::SCENARIO,
    echo::tokio_multi_thread::SCENARIO,
    http::hyper::SCENARIO,
    http::axum_reqwest::SCENARIO,
    redis::mini_redis::SCENARIO,
    redis::REDIS_SERVER,
    installed::MEMCACHED,
    installed::NGINX,
    installed::HAPROXY,
    local::unix_socket::SCENARIO,
    local::udp_dns::SCENARIO,
    planted::hasty::SCENARIO,
    planted::racy::SCENARIO,
    planted::unready::SCENARIO,
    planted::forgotten_select::SCENARIO,
    planted::atomics::SCENARIO,
    planted_streams::resend::SCENARIO,
    planted_streams::keep_alive::SCENARIO,
    planted_streams::shut_down_early::SCENARIO,
    planted_sessions::gathered::SCENARIO,
    planted_sessions::forgotten_request::SCENARIO,
    planted_sessions::end_inside::SCENARIO,
    planted_threads::unread_body::SCENARIO,
    planted_threads::pipeline::SCENARIO,
    planted_threads::pooled::SCENARIO,
    planted_threads::worker_pool::SCENARIO,
];
