//! nginx with the formats of docs/formats.md and the default format of ingress-nginx.

use super::case::{Case, Expected, GroundTruth};
use super::driver::{CapturedLog, Fixture, Logs};
use super::executable::Executable;
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
    Case::new("retried-hang", "/hang/", "hang,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("exhausted-reset", "/search/", "reset"),
    Case::new("exhausted-hang", "/hang/", "hang"),
    Case::new("error-500", "/search/", "500"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/search/", "cut"),
    Case::new("client-left", "/search/", "hang").client_aborts(),
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
    Case::new("stale", "/stale/", "503").delay_ms(2_100),
    Case::new("local", "/local/", ""),
];

/// Runs all cases.
pub(super) fn capture() -> Vec<CapturedLog> {
    let program = Executable::find("nginx", &["-v"]);
    let fixture = Fixture::new();
    let config = fixture.write("nginx.conf", &config(&fixture));
    let running = fixture.start(&program, &["-p", &fixture.path(), "-c", &config, "-e", "stderr"]);
    let logs = Logs {
        files: &["text.log", "json.log", "ingress.log"],
        is_line: |_| true,
        formats: vec![("nginx", TEXT.into()), ("nginx-json", JSON.into()), ("ingress-nginx", INGRESS.into())],
        expected,
    };
    fixture.capture(&running, &CASES, logs)
}

fn expected(format: &str, case: &Case, truth: &GroundTruth) -> Expected {
    let fate = match truth.fate {
        // The log shows an incomplete response only by its byte count.
        Fate::Partial => Fate::Clean,
        // The format lacks the cache status, so a stale copy looks like a fallback page.
        Fate::Stale if format == "ingress-nginx" => Fate::Fallback,
        fate => fate,
    };
    // An internal redirect to the vault is not an attempt on the upstream.
    let handed_over = case.name.ends_with("handed-over");
    let fate = if handed_over && truth.attempts > 1 { Fate::Retried } else { fate };
    let fate = if case.name == "handed-over" { Fate::Clean } else { fate };
    Expected { fate, attempts: Some(truth.attempts) }
}

fn config(fixture: &Fixture) -> String {
    let Fixture { origins, port, .. } = fixture;
    let path = fixture.path();
    let servers = origins.hosts.iter().map(|host| format!("server 127.0.0.1:{} max_fails=0;", host.port));
    let servers: String = servers.collect();
    let (fallback, refusing) = (origins.fallback.port, origins.refusing.port);
    let first = origins.hosts.first().map_or(0, |host| host.port);
    format!(
        r#"daemon off; worker_processes 1; pid {path}/nginx.pid; error_log {path}/error.log;
events {{ worker_connections 64; }}
http {{
  client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
  uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
  proxy_cache_path {path}/cache keys_zone=cache:1m;
  log_format text '{TEXT}';
  log_format json escape=json '{JSON}';
  log_format ingress '{INGRESS}';
  upstream search {{ {servers} }}
  upstream spare {{ server 127.0.0.1:{fallback}; }}
  upstream backed {{ server 127.0.0.1:{refusing} max_fails=0; server 127.0.0.1:{first} backup; }}
  upstream refused {{ server 127.0.0.1:{refusing} max_fails=0; }}
  upstream gone {{ server 127.0.0.1:{refusing} down; }}
  proxy_read_timeout 40s; proxy_connect_timeout 40s; proxy_http_version 1.1;
  proxy_next_upstream error timeout http_502 http_503 http_504;
  server {{
    listen 127.0.0.1:{port}; default_type text/plain;
    access_log {path}/text.log text; access_log {path}/json.log json; access_log {path}/ingress.log ingress;
    location /search/ {{ set $upstream_name search; proxy_pass http://search; }}
    location /hang/ {{ set $upstream_name search; proxy_pass http://search; proxy_read_timeout 1s; }}
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
