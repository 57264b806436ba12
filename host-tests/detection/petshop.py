#!/usr/bin/env python3
"""Prints PetShop's five-minute points as exchange lines. Standard library only.

  petshop.py POINTS.json.gz quiet [SEED]      the two quiet days, 3.0 million lines
  petshop.py POINTS.json.gz N [SEED]          the last 24 h of the quiet days, then issue N (0 .. 25), moved to follow them

The points are those of petshop-high/README.md. The rule was fixed before any detector had seen the data:
  * every node with at least 30 requests in five minutes (median over the quiet days) is an upstream;
  * a point is min(requests, 900) exchanges at uniform random moments of its five minutes;
  * their latencies come from the inverse of the distribution through (0, .5, .9, .95, .99, 1) ->
    (p50^2/p90, p50, p90, p95, p99, 1.2 p99), straight in ln(ms), one from each of n equal strata, in random order;
  * status 500 on the share 1 - availability, else 200; attempts 1, no route, no host, no timeout.
"""
import gzip, json, math, random, sys

GRID = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)


def load(path):
    with gzip.open(path, "rt") as f:
        return json.load(f)


def strata(n, p50, p90, p95, p99):
    p90 = max(p50 if p90 is None else p90, p50 * 1.001)
    p95 = max(p90 if p95 is None else p95, p90)
    p99 = max(p95 if p99 is None else p99, p95)
    y = [math.log(v) for v in (p50 * p50 / p90, p50, p90, p95, p99, 1.2 * p99)]
    out, j = [], 0
    for i in range(n):
        u = (i + .5) / n
        while u > GRID[j + 1]:
            j += 1
        out.append(math.exp(y[j] + (y[j + 1] - y[j]) * (u - GRID[j]) / (GRID[j + 1] - GRID[j])))
    return out


def chunks(nodes, points, rng, shift=0):
    """Yields the start of each five minutes, and its lines as bytes in order of time."""
    names = [json.dumps(n.replace('"', "")) for n in nodes]
    slots = {}
    for p in points:
        slots.setdefault(p[0] + shift, []).append(p)
    for start in sorted(slots):
        rows = []
        for _, node, requests, p50, p90, p95, p99, availability in slots[start]:
            n = min(requests, 900)
            ms = strata(n, p50, p90, p95, p99)
            rng.shuffle(ms)
            failed = round(n * (0 if availability is None else 1 - availability / 100))
            bad = set(rng.sample(range(n), min(max(failed, 0), n))) if failed > 0 else ()
            name = names[node]
            for i, v in enumerate(ms):
                t = start + 300 * rng.random()
                rows.append((t, f'{{"ts":{t:.3f},"upstream":{name},"status":{500 if i in bad else 200},"duration_ms":{v:.3f},"attempts":1}}\n'))
        rows.sort()
        yield start, "".join(r[1] for r in rows).encode()


def quiet(data, seed=1):
    return list(chunks(data["nodes"], data["quiet"], random.Random(f"{seed}/quiet")))


def tail(data, quiet_chunks):
    return [c for start, c in quiet_chunks if start > data["last"] - 86400]


def issue(data, k, seed=1):
    i = data["issues"][k]
    return [c for _, c in chunks(data["nodes"], i["points"], random.Random(f"{seed}/{i['name']}"), data["last"] + 300 - i["first"])]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    data, seed = load(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else 1
    q = quiet(data, seed)
    out = [c for _, c in q] if sys.argv[2] == "quiet" else tail(data, q) + issue(data, int(sys.argv[2]), seed)
    sys.stdout.buffer.writelines(out)


if __name__ == "__main__":
    main()
