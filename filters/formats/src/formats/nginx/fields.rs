//! The fields that nginx can log.

use crate::nested_fields;
use crate::schema::schema;
use crate::time::TimeParser;
use nearmiss::{Micros, Timestamp};

schema! {
    /// The fields of an exchange that nginx can log.
    FieldId, null is absent: false, nested: |key, json, values| nested_fields::read(&FieldId::SCHEMA, key, json, values) => {
        Time: "ts" = "time" | "time_date" | "time_iso8601" | "time_local" | "timestamp" | "@timestamp" | "ts" | "date";
        Msec: "msec" = "msec";
        Status: "status" = "status" | "st" | "code" | "response_status";
        Duration: "duration_s" = "request_time" | "rt" | "responsetime" | "requestTime";
        DurationMs: "duration_ms" = "duration_ms" | "request_time_ms";
        Hosts: "upstream_addr" = "upstream_addr" | "ua" | "upstreamhost" | "upstreamAddr";
        Codes: "upstream_status" = "upstream_status" | "us" | "upstreamStatus";
        Times: "upstream_response_time" = "upstream_response_time" | "urt" | "ut" | "upstreamtime" | "upstreamResponseTime";
        Headers: "upstream_header_time" = "upstream_header_time" | "uht";
        Connects: "connect_time_list" = "upstream_connect_time" | "uct";
        Cache: "cache_status" = "upstream_cache_status" | "ucs" | "cs" | "cache_status";
        Upstream: "upstream" = "proxy_upstream_name" | "upstream" | "upstream_name" | "service";
        Canary: "alternative_upstream" = "proxy_alternative_upstream_name";
        ProxyHost: "proxy_host" = "proxy_host" | "ph";
        Server: "server_name" = "server_name";
        Host: "host" = ;
        Attempts: "attempts" = ;
        Bytes: "bytes" = "body_bytes_sent" | "bytes_sent" | "bytes" | "size";
        Method: "method" = "request_method" | "request" | "method";
        Type: "content_type" = "sent_http_content_type" | "content_type";
        Grpc: "grpc_status" = "upstream_trailer_grpc_status" | "sent_trailer_grpc_status" | "grpc_status";
        Route: "route" = "route";
        Trace: "trace_id" = "otel_trace_id" | "opentelemetry_trace_id" | "trace_id";
        Took: "took_s" = "duration";
        LimitReq: "limit_req_status" = "limit_req_status" | "limit_req";
        Agent: "user_agent" = "http_user_agent" | "user_agent" | "agent";
        Path: "path" = "uri" | "request_uri" | "path" | "url";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// Values parsed from the previous line, reused while their text is unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ParsedFields {
    pub(super) time_parser: TimeParser,
    pub(super) ts: Timestamp,
    pub(super) status: u16,
    pub(super) duration: Micros,
    pub(super) bytes: Option<u64>,
    /// The lists with more than one entry, as a bit set.
    pub(super) lists: u32,
    /// The only entry of the list of statuses, once it has been parsed.
    pub(super) code: Option<Option<u16>>,
    pub(super) is_grpc: bool,
    pub(super) is_stream: bool,
    pub(super) is_stale: bool,
}

impl ParsedFields {
    /// Returns no values, and the parser of times that has read those of earlier lines.
    pub(crate) fn with_times(time_parser: TimeParser) -> Self {
        Self { time_parser, ..Self::default() }
    }
}

/// The lists with one entry for each attempt.
pub(super) const LISTS: [FieldId; 5] =
    [FieldId::Hosts, FieldId::Codes, FieldId::Times, FieldId::Headers, FieldId::Connects];
