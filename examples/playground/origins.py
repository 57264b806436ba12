#!/usr/bin/env python3
"""Origins that misbehave: two hosts and a spare, as every Envoy example of this repository expects them.

    python3 examples/playground/origins.py            # ports 8081, 8082 and 8090

Each path has its own fault. Every ten minutes, one host gets worse for two minutes."""

import http.server
import random
import socket
import sys
import threading
import time

HOST_A, HOST_B, SPARE = "a", "b", "spare"


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        service = self.path.split("/")[1]
        status, delay_ms, headers = behaviour(service, self.server.role, random.random())
        time.sleep(delay_ms / 1000)
        body = f"{service or 'home'} from {self.server.role}\n".encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        """Prints nothing: Envoy's access log has every request."""


def behaviour(service, role, chance):
    """Returns status, delay and headers of a response."""
    is_bad_time = time.time() % 600 < 120
    if service == "payments":      # a few responses come close to the timeout of 500 ms
        return 200, 460 if chance < 0.03 else 20, {}
    if service == "catalog":       # a cache serves expired copies
        return 200, 5, {"cache-status": "edge; hit; ttl=-12" if chance < 0.1 else "edge; hit; ttl=40"}
    if service == "geocoder":      # a quota that is almost spent
        return 200, 15, {"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "9" if chance < 0.1 else "812"}
    if service == "search":        # both hosts fail at times, and the spare answers
        return 503 if role != SPARE and chance < 0.15 else 200, 10, {}
    if role == HOST_A:             # cart, and everything else: one host fails more often than the other
        return 503 if chance < (0.4 if is_bad_time else 0.06) else 200, 12, {}
    return 200, 12, {}


class Server(http.server.ThreadingHTTPServer):
    """One host: a port and a role."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, role):
        self.role = role
        super().__init__(("127.0.0.1", port), Origin)

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, *_):
        """Prints nothing: a proxy that closes a connection is no error."""


def start(ports=(8081, 8082, 8090)):
    """Starts the hosts in threads of their own, and returns them."""
    servers = [Server(port, role) for port, role in zip(ports, (HOST_A, HOST_B, SPARE))]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return servers


if __name__ == "__main__":
    try:
        start()
    except OSError as error:
        sys.exit(f"origins: a port of 8081, 8082 and 8090 is not free: {error}")
    print("origins: two hosts on 127.0.0.1:8081 and :8082, the spare on :8090; Ctrl-C ends them", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
