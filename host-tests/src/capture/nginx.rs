//! nginx, with our formats and the default one of ingress-nginx.

use super::case::{Case, Expected, Truth};
use super::program::{Folder, Program, free_port};
use super::stage::{Logged, Stage, sorted};
use nearmiss::Fate;

pub(super) const TEXT: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time" ua="$upstream_addr" us="$upstream_status" ucs="$upstream_cache_status" upstream="$upstream_name""#;
pub(super) const JSON: &str = r#"{"msec":"$msec","request":"$request","status":"$status","body_bytes_sent":"$body_bytes_sent","request_time":"$request_time","upstream_addr":"$upstream_addr","upstream_status":"$upstream_status","upstream_response_time":"$upstream_response_time","upstream_connect_time":"$upstream_connect_time","upstream_header_time":"$upstream_header_time","upstream_cache_status":"$upstream_cache_status","upstream_name":"$upstream_name"}"#;
const INGRESS: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$upstream_name] [] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $request_id"#;

const CASES: [Case; 26] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("retried-503", "/search/", "503,200"),
    Case::new("retried-502-504", "/search/", "502,504,200"),
    Case::new("retried-reset", "/search/", "reset,200"),
    Case::new("retried-hang", "/search/", "hang,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("exhausted-reset", "/search/", "reset"),
    Case::new("exhausted-hang", "/search/", "hang"),
    Case::new("error-500", "/search/", "500"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/search/", "cut"),
    Case::new("client-left", "/search/", "hang").leaves(),
    Case::new("refused-then-backup", "/backup/", "200").refused(1),
    Case::new("all-refused", "/refused/", "200").refused(1),
    Case::new("gone", "/gone/", "200"),
    Case::new("rescued", "/rescued/", "503,502,503,200"),
    Case::new("rescued-not-needed", "/rescued/", "503,200"),
    Case::new("static-page", "/static/", "503"),
    Case::new("handed-over", "/search/", "200").respond(&["x-accel-redirect: /vault/"]),
    Case::new("retried-handed-over", "/search/", "503,200,200").respond(&["x-accel-redirect: /vault/"]),
    Case::new("redirect-loop", "/search/", "200").respond(&["x-accel-redirect: /loop/"]),
    Case::new("fill", "/stale/", "200").respond(&["cache-control: max-age=1"]),
    Case::new("stale", "/stale/", "503").after_ms(2_100),
    Case::new("local", "/local/", ""),
];

/// Plays all cases.
pub(super) fn play() -> Vec<Logged> {
    let program = Program::find("nginx", &["-v"]);
    let (stage, folder, port) = (Stage::new(), Folder::new(), free_port());
    let config = folder.write("nginx.conf", &config(&stage, &folder, port));
    let place = folder.path().display().to_string();
    let running = program.start(folder, &["-p", &place, "-c", &config, "-e", "stderr"], port);
    let logs = ["text.log", "json.log", "ingress.log"];
    let played = stage.play(&running, port, &CASES, &logs, |_| true);
    let told = vec![("nginx", TEXT.into()), ("nginx-json", JSON.into()), ("ingress-nginx", INGRESS.into())];
    sorted(played, told, &format!("nginx {}", program.version), shown)
}

fn shown(format: &str, case: &Case, truth: &Truth) -> Expected {
    let fate = match truth.fate {
        // Only the byte count could tell.
        Fate::Partial => Fate::Clean,
        // There is no cache status in it, so a stale copy looks like any page put in an error's place.
        Fate::Stale if format == "ingress-nginx" => Fate::Fallback,
        // What answers by itself has no upstream.
        fate => fate,
    };
    // The vault answers on the upstream's behalf: that is no attempt.
    let handed_over = case.name.ends_with("handed-over");
    let fate = if handed_over && truth.attempts > 1 { Fate::Retried } else { fate };
    let fate = if case.name == "handed-over" { Fate::Clean } else { fate };
    Expected { fate, attempts: Some(truth.attempts) }
}

fn config(stage: &Stage, folder: &Folder, port: u16) -> String {
    let place = folder.path().display();
    let servers = stage.hosts.iter().map(|host| format!("server 127.0.0.1:{} max_fails=0;", host.port));
    let servers: String = servers.collect();
    let (spare, refusing) = (stage.spare.port, stage.refusing.port);
    let first = stage.hosts.first().map_or(0, |host| host.port);
    format!(
        r#"daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  proxy_cache_path {place}/cache keys_zone=cache:1m;
  log_format text '{TEXT}';
  log_format json escape=json '{JSON}';
  log_format ingress '{INGRESS}';
  upstream search {{ {servers} }}
  upstream spare {{ server 127.0.0.1:{spare}; }}
  upstream backed {{ server 127.0.0.1:{refusing} max_fails=0; server 127.0.0.1:{first} backup; }}
  upstream refused {{ server 127.0.0.1:{refusing} max_fails=0; }}
  upstream gone {{ server 127.0.0.1:{refusing} down; }}
  proxy_read_timeout 300ms; proxy_connect_timeout 300ms; proxy_http_version 1.1;
  proxy_next_upstream error timeout http_502 http_503 http_504;
  server {{
    listen 127.0.0.1:{port}; default_type text/plain;
    access_log {place}/text.log text; access_log {place}/json.log json; access_log {place}/ingress.log ingress;
    location /search/ {{ set $upstream_name search; proxy_pass http://search; }}
    location /backup/ {{ set $upstream_name backed; proxy_pass http://backed; }}
    location /refused/ {{ set $upstream_name refused; proxy_pass http://refused; }}
    location /gone/ {{ set $upstream_name gone; proxy_pass http://gone; }}
    location /rescued/ {{ set $upstream_name search; proxy_pass http://search; proxy_intercept_errors on; error_page 500 502 503 504 = @spare; }}
    location @spare {{ proxy_pass http://spare; }}
    location /static/ {{ set $upstream_name search; proxy_pass http://search; proxy_intercept_errors on; error_page 500 502 503 504 =200 /sorry; }}
    location = /sorry {{ internal; add_header x-stand-in static; return 200 sorry; }}
    location /stale/ {{ set $upstream_name search; proxy_pass http://search; proxy_cache cache; proxy_cache_use_stale error timeout http_503; add_header x-stand-in $stale_mark; }}
    location /vault/ {{ internal; proxy_pass http://spare; proxy_ignore_headers X-Accel-Redirect; }}
    location /loop/ {{ internal; proxy_pass http://spare; }}
    location /local/ {{ set $upstream_name ''; return 204; }}
  }}
  map $upstream_cache_status $stale_mark {{ STALE stale; default ''; }}
}}
"#
    )
}
