//! The nearmiss filter for Envoy in its native form: a shared library that Envoy loads as a dynamic module, since 1.40.
//!
//! Each line imports only from the lines below it:
//!
//! ```text
//! abi::hooks                 what Envoy calls
//! http                       the HTTP or upstream filter during an exchange or attempt
//! attachment                 a plugin under one configuration of a listener, with its metrics
//! report_thread              the thread that reports for all workers
//! attachments                all attachments of this process
//! plugin                     a monitor per worker, and the one that reports for all of them
//! worker · reporter          its parts
//! metrics · outlet           counts that wait until the main thread hands them to Envoy · Envoy's log, for the records of every thread
//! abi::stream · abi::config  what Envoy lends of an exchange · of a configuration
//! attempts                   attempts of exchanges that run, by thread
//! counted · lock · random    exchanges that are counted once · locks that stay usable after a panic · random numbers
//! ```
//!
//! The filter only maps data, as `nearmiss-envoy-exchange` reads it; thresholds and verdicts are the core's. It never affects traffic:
//! no hook stops an exchange, a panic ends at the hook, and unreadable data counts as unknown.

#![deny(unsafe_code)]

mod abi;
mod attachment;
mod attachments;
mod attempts;
mod counted;
mod http;
mod lock;
mod metrics;
mod outlet;
mod plugin;
mod random;
mod report_thread;
mod reporter;
mod worker;
