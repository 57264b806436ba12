//! Traefik with its JSON and its common log format.

use super::case::{Case, Expected, Truth};
use super::program::{Folder, Program, free_port};
use super::stage::{Logged, Stage, sorted};
use crate::real::{Client, Request, eventually};
use nearmiss::Fate;

const CASES: [Case; 14] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("retried-503", "/search/", "503,200"),
    Case::new("retried-502-504", "/search/", "502,504,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("exhausted-hang", "/search/", "hang"),
    Case::new("error-500", "/search/", "500"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/search/", "cut"),
    Case::new("client-left", "/plain/", "hang").leaves(),
    Case::new("all-refused", "/refused/", "200").refused(4),
    Case::new("gone", "/gone/", "200"),
    Case::new("no-route", "/nowhere/", ""),
];

/// Plays all cases, once with each format.
pub(super) fn play() -> Vec<Logged> {
    let program = Program::find("traefik", &["version"]);
    [("traefik", "json"), ("traefik-clf", "common")]
        .into_iter()
        .flat_map(|(name, format)| {
            let (stage, folder, port) = (Stage::new(), Folder::new(), free_port());
            let routes = folder.write("routes.yaml", &routes(&stage));
            let place = folder.path().display();
            let config = format!(
                "entryPoints:\n  web:\n    address: 127.0.0.1:{port}\naccessLog:\n  filePath: {place}/access.log\n  format: {format}\nproviders:\n  file:\n    filename: {routes}\nglobal:\n  checkNewVersion: false\n  sendAnonymousUsage: false\n"
            );
            let config = folder.write("traefik.yaml", &config);
            let running = program.start(folder, &[&format!("--configFile={config}")], port);
            // Until it has read its routes, Traefik answers 404 and logs nothing.
            eventually("Traefik to know its routes", || {
                let response = Client::new(port).try_send(&Request::get("/ready/")).ok()?;
                (response.status == 200).then_some(())
            });
            let played = stage.play(&running, port, &CASES, &["access.log"], |line| !line.contains("/ready/"));
            let told = vec![(name, format!("accessLog.format: {format}"))];
            sorted(played, told, &format!("traefik {}", program.version), shown)
        })
        .collect()
}

/// Retries leave no trace, so a rescued exchange looks clean, and nothing says how many attempts there were.
fn shown(format: &str, case: &Case, truth: &Truth) -> Expected {
    let fate = match truth.fate {
        Fate::Retried => Fate::Clean,
        // A short body never leaves Traefik's buffer, so the client gets nothing at all; the line says 200 all the
        // same. Only the JSON has the origin's status beside it.
        _ if case.name == "cut" && format == "traefik" => Fate::Partial,
        _ if case.name == "cut" => Fate::Clean,
        fate => fate,
    };
    Expected { fate, attempts: None }
}

fn routes(stage: &Stage) -> String {
    let servers = |ports: &[u16]| -> String {
        ports.iter().map(|port| format!("          - url: http://127.0.0.1:{port}\n")).collect()
    };
    let hosts: Vec<_> = stage.hosts.iter().map(|host| host.port).collect();
    let service = |name: &str, ports: &[u16]| {
        format!(
            "    {name}:\n      loadBalancer:\n        serversTransport: short\n        servers:\n{}",
            servers(ports)
        )
    };
    let router = |name: &str, middlewares: &str| {
        format!(
            "    {name}:\n      rule: PathPrefix(`/{name}/`)\n      service: {name}\n      entryPoints: [web]\n{middlewares}"
        )
    };
    let retry = "      middlewares: [again]\n";
    format!(
        "http:\n  routers:\n{}{}{}{}{}  middlewares:\n    again:\n      retry:\n        attempts: 4\n        initialInterval: 1ms\n        status: [502-504]\n  serversTransports:\n    short:\n      forwardingTimeouts:\n        dialTimeout: 300ms\n        responseHeaderTimeout: 300ms\n  services:\n{}{}{}{}    gone:\n      loadBalancer:\n        servers: []\n",
        router("search", retry),
        router("plain", ""),
        router("refused", retry),
        router("gone", ""),
        router("ready", ""),
        service("search", &hosts),
        service("plain", &hosts),
        service("ready", &hosts),
        service("refused", &[stage.refusing.port]),
    )
}
