// Converts records to OpenTelemetry log records.

const INFO = { severityNumber: 9, severityText: "INFO" };
const WARN = { severityNumber: 13, severityText: "WARN" };

/** Returns a log record in OTLP's JSON encoding, in which 64-bit integers are strings. */
export function logRecord(line, uid, nowMs) {
  const record = JSON.parse(line);
  const { explain, trace_id: traceId, ...fields } = record;
  const { type } = record;
  const time = record.time ?? (record.phase === "open" ? record.detected : record.end) ?? record.start;
  return {
    timeUnixNano: nanoseconds(Date.parse(time)),
    observedTimeUnixNano: nanoseconds(nowMs),
    ...(type === "episode" ? WARN : INFO),
    eventName: `nearmiss.${type}`,
    body: { stringValue: explain ?? type },
    attributes: [
      { key: "log.record.uid", value: { stringValue: uid } },
      ...standardAttributes(record),
      ...Object.entries(fields).map(([key, value]) => ({ key: `nearmiss.${key}`, value: anyValue(key, value) })),
    ],
    ...(traceId === undefined ? {} : { traceId }),
  };
}

/** Returns the attributes of OpenTelemetry's semantic conventions. */
function standardAttributes({ type, upstream, status, route, attempts, host }) {
  const attributes = [{ key: "service.peer.name", value: { stringValue: upstream } }];
  if (type !== "exchange") return attributes;
  if (status > 0) attributes.push({ key: "http.response.status_code", value: { intValue: String(status) } });
  if (route !== undefined) attributes.push({ key: "http.route", value: { stringValue: route } });
  if (attempts > 1) attributes.push({ key: "http.request.resend_count", value: { intValue: String(attempts - 1) } });
  if (host !== undefined) {
    const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(host) ?? [];
    attributes.push({ key: "network.peer.address", value: { stringValue: bracketed ?? plain ?? host } });
    if (port !== undefined) attributes.push({ key: "network.peer.port", value: { intValue: port } });
  }
  return attributes;
}

function anyValue(key, value) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  // A duration is always a double, so that the attribute has one type.
  if (typeof value === "number") {
    return Number.isInteger(value) && !/_ms(?:_learned)?$/.test(key) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map((item) => anyValue("", item)) } };
  return { kvlistValue: { values: Object.entries(value).map(([name, item]) => ({ key: name, value: anyValue(name, item) })) } };
}

function nanoseconds(ms) {
  return `${Math.round(ms)}000000`;
}
