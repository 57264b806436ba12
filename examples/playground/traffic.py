#!/usr/bin/env python3
"""Clients of the playground: about sixty requests per second through Envoy.

    python3 examples/playground/traffic.py            # to 127.0.0.1:10000"""

import http.client
import random
import sys
import threading
import time

CLIENTS = 4
PAUSE = 0.05
# Share of the requests in percent, by path.
MIX = {"/cart": 40, "/search": 20, "/payments": 15, "/catalog": 15, "/geocoder": 10}


def start(port=10000):
    """Starts the clients in threads of their own."""
    for _ in range(CLIENTS):
        threading.Thread(target=client, args=(port,), daemon=True).start()


def client(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while True:
        path = random.choices(list(MIX), weights=MIX.values())[0]
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
        time.sleep(PAUSE)


if __name__ == "__main__":
    start(*map(int, sys.argv[1:2]))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
