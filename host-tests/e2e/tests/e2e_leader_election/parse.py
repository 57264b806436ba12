"""Parses batches of OpenTelemetry logs, one per line, with OpenTelemetry's protobuf definitions; prints event name and id of each record."""

import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

for line in sys.stdin:
    request = json_format.Parse(line, ExportLogsServiceRequest())
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                assert record.time_unix_nano > 1_700_000_000_000_000_000, record
                uid = [one.value.string_value for one in record.attributes if one.key == "log.record.uid"]
                print(record.event_name, *uid)
