//! The last summaries of an Envoy that ends under load: together, its workers lose no count.
//!
//! `DRAINS=7` repeats each case seven times.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use real::{Bootstrap, Client, EnvoyCommand, Origin, Request, eventually, wasm_filter, wasm_logger};

use crate::bootstrap::bootstrap;

const CLIENTS: usize = 6;
/// The requests after which Envoy is asked to end, if its listener is not updated.
const REQUESTS: usize = 400;
/// Updates of the listener under load.
const UPDATES: usize = 4;

#[test]
fn the_summaries_of_a_filter_that_ends_under_load_hold_every_exchange() {
    for workers in [1, 2, 4] {
        repeat(workers, |hosts, margin| {
            bootstrap(hosts).filter(wasm_filter(&format!(r#"{{"tight_margin":"{margin}%"}}"#)))
        });
    }
}

#[test]
fn the_summaries_of_a_logger_that_ends_under_load_hold_every_exchange() {
    for workers in [1, 2, 4] {
        repeat(workers, |hosts, margin| {
            let config = format!(r#"{{"tight_margin":"{margin}%","envoy":{{"attach":"log"}}}}"#);
            bootstrap(hosts).logger(wasm_logger(&config))
        });
    }
}

fn repeat(workers: u32, attached: impl Fn(&[Origin], usize) -> Bootstrap) {
    let times = std::env::var("DRAINS").map_or(1, |times| times.parse().expect("DRAINS is a number"));
    for time in 0..times {
        for updates in [0, UPDATES] {
            let (completed, logged, summed) = drain(workers, updates, &attached);
            let run = format!("{workers} workers, {updates} updates, run {time}");
            eprintln!("{run}: {completed} completed, {logged} logged, {summed} in summaries");
            assert!(logged >= completed, "{run}");
            assert_eq!(summed, logged, "{run}");
        }
    }
}

/// Ends an Envoy whose clients send and whose main thread is busy. Returns the exchanges that clients saw complete, those in the access
/// log, and those in all summaries.
fn drain(
    workers: u32,
    updates: usize,
    attached: &impl Fn(&[Origin], usize) -> Bootstrap,
) -> (usize, usize, usize) {
    let hosts = Origin::several(2);
    let mut envoy = EnvoyCommand::new().workers(workers).updatable().run(&attached(&hosts, 50));
    let (ended, completed) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let (port, admin) = (envoy.port, envoy.admin);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || send(port, client, ended, completed));
        }
        scope.spawn(move || keep_busy(admin, ended));
        for update in 0..updates {
            assert!(envoy.update(&attached(&hosts, 51 + update)), "the new listener is valid");
        }
        let enough = completed.load(Ordering::Relaxed) + REQUESTS;
        eventually("the requests", || (completed.load(Ordering::Relaxed) >= enough).then_some(()));
        envoy.terminate();
        ended.store(true, Ordering::Relaxed);
    });
    let logged = envoy.access_log().len();
    let summed: u64 = envoy.summed_fates().values().sum();
    (completed.load(Ordering::Relaxed), logged, summed as usize)
}

/// Sends requests until Envoy has ended; every other one is retried.
fn send(port: u16, client: usize, ended: &AtomicBool, completed: &AtomicUsize) {
    let (mut connection, mut sent) = (Client::new(port), 0);
    while !ended.load(Ordering::Relaxed) {
        let script = if sent % 2 == 0 { "503,200" } else { "200" };
        let response = connection.try_send(&Request::get("/").script(&format!("{client}-{sent}"), script));
        sent += 1;
        if response.is_ok_and(|response| response.status == 200) {
            completed.fetch_add(1, Ordering::Relaxed);
        }
        // New connections spread over the workers.
        if sent % 10 == 0 {
            connection = Client::new(port);
        }
    }
}

/// Keeps the main thread busy with pages of the admin interface.
fn keep_busy(admin: u16, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        drop(Client::new(admin).try_send(&Request::get("/config_dump")));
    }
}
