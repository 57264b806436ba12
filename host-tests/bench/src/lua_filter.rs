//! A comparable filter in Lua, as far as Lua can see an exchange in Envoy.

use serde_json::{Value, json};

/// Returns the Lua filter. It sees no attempt count and no response flags, and has no metrics of its own.
pub(super) fn lua_filter() -> Value {
    json!({
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": LUA},
        },
    })
}

const LUA: &str = r#"
local seen = {}
function envoy_on_request(handle)
  local headers = handle:headers()
  local again = headers:get("grpc-previous-rpc-attempts") or headers:get("amz-sdk-request")
    or headers:get("x-stainless-retry-count") or headers:get("x-envoy-attempt-count")
  if again then
    handle:streamInfo():dynamicMetadata():set("nearmiss", "client_attempt", again)
  end
end
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  local stale = headers:get("cache-status") or headers:get("warning")
  local masked = headers:get("proxy-status")
  local quota = headers:get("ratelimit") or headers:get("x-ratelimit-remaining")
  local grpc = headers:get("content-type") == "application/grpc" and headers:get("grpc-status")
  local service_time = headers:get("x-envoy-upstream-service-time")
  local fate = "clean"
  if status >= "500" or status == "429" then fate = "failed"
  elseif masked then fate = "partial"
  elseif stale then fate = "stale"
  elseif quota or grpc then fate = "tight" end
  local info = handle:streamInfo()
  local key = info:routeName() .. fate
  seen[key] = (seen[key] or 0) + 1
  if fate ~= "clean" then info:dynamicMetadata():set("nearmiss", "fate", fate) end
end
"#;
