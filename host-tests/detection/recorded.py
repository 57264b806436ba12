#!/usr/bin/env python3
"""Replays recorded traffic through `nearmiss` and prints one table, then the same figures as one line of JSON.

  recorded.py BINARY [--data DIR] [--only tt,petshop-high,site] [--seed N] [--verbose]

`petshop-high` is beside this script. DIR has the sets whose licence does not allow a copy here, `tt` and `site`; a set that is
not there is left out. Standard library only, no network. Exits with 0 whatever the figures are. --verbose lists every quiet open
and every fault on standard error.

quiet      opens in time without a fault, by upstream and day: two days of PetShop, 9.5 h of TrainTicket, 17 h of a web site, each
           after its first hour
bare       of those, opens whose record has neither a near miss nor a failure
new        faults of TrainTicket with an open of the faulted upstream from 10 s before to 180 s after; "new+open" includes episodes
           that were open already
top-1      faults whose upstream opens first
false pairs  upstreams with an open in that time that are neither faulted nor callers of the faulted, of all such upstreams
hit, root, first  issues of PetShop with an open on the node or its root cause, on the root cause, and first there
before, beside  opens before the issue, and upstreams named that are neither
"""
import argparse, collections, gzip, json, os, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import petshop

LATENCY = {"network_delay", "cpu_contention", "cpu_consumed"}
HOUR, DAY = 3600, 86400


def at(x):
    return datetime.fromisoformat(x.replace("Z", "+00:00")).timestamp()


def replay(binary, chunks):
    """Feeds lines to the binary. Returns its opens, each with its close record or None."""
    p = subprocess.Popen([binary, "replay", "--format", "exchange", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines, err = [], []

    def read():
        lines.extend(l for l in p.stdout if b'"type":"episode"' in l)

    readers = [threading.Thread(target=read), threading.Thread(target=lambda: err.extend(p.stderr))]
    for r in readers:
        r.start()
    try:
        for c in chunks:
            p.stdin.write(c)
        p.stdin.close()
    except BrokenPipeError:
        pass
    for r in readers:
        r.join()
    if p.wait():
        raise RuntimeError(f"the binary ended with {p.returncode}: {b''.join(err[-1:]).decode(errors='replace').strip()}")
    opens, closes = [], {}
    for l in lines:
        r = json.loads(l)
        if r["phase"] == "open":
            opens.append(dict(r, at=at(r["detected"]), close=None))
        elif r["phase"] == "close":
            closes[r["id"]] = r
    for o in opens:
        o["close"] = closes.get(o["id"])
    return sorted(opens, key=lambda o: (o["at"], o["upstream"]))


def ups(o):
    """Returns the upstreams that an open names: its own, and the related ones of a correlated episode."""
    return {o["upstream"], *((o.get("related") or []) if o["pattern"] == "correlated" else [])}


def quiet(name, opens, upstream_days, verbose):
    """Returns the figures of opens in time without a fault."""
    last = [o["close"] or o for o in opens]
    bare = lambda rs: sum(not r["near_misses"] and not r["failed"] for r in rs)
    if verbose:
        for o, r in zip(opens, last):
            print(f"{name}: quiet open  {o['start'][:19]} .. {(r.get('end') or '')[11:19]:8s}  {o['upstream'][:34]:34s} {r['pattern']:12s} {r['exchanges']:5d} exchanges, {r['near_misses']} near, {r['failed']} failed  {o['explain'].split(': ', 1)[-1][:60]}", file=sys.stderr)
    return {"upstream_days": round(upstream_days, 2), "quiet_opens": len(opens), "opens_per_upstream_day": round(len(opens) / upstream_days, 2),
            "bare": bare(opens), "bare_to_the_end": bare(last),
            "quiet_patterns": dict(collections.Counter(r["pattern"] for r in last).most_common())}


def gz_lines(a, *path):
    with gzip.open(os.path.join(a.data, *path)) as f:
        return f.read()


def faults(name, opens, truth, verbose):
    """Returns recall, top-1 and false pairs on injected faults."""
    n = new = still = first = pairs = false = 0
    delays = []
    for f in truth["faults"]:
        if not f["counted"] or f["kind"] not in LATENCY:
            continue
        t, up = f["t"], f["upstream"]
        window = [o for o in opens if t - 10 <= o["at"] <= t + truth["window_s"]]
        named = set().union(*map(ups, window)) if window else set()
        mine = [o["at"] for o in window if o["upstream"] == up]
        is_new = up in named
        is_still = not is_new and any(o["upstream"] == up and o["at"] < t and (at(o["close"]["end"]) if o["close"] else 9e18) > t + 30 for o in opens)
        is_first = bool(mine) and mine[0] == window[0]["at"]
        n += 1; new += is_new; still += is_still; first += is_first
        if mine:
            delays.append(max(0, mine[0] - t))
        wrong = [u for u in f["others"] if u in named]
        pairs += len(f["others"]); false += len(wrong)
        if verbose:
            print(f"{name}: fault  {t} {up:32s} {f['kind']:15s} {'new' if is_new else 'still open' if is_still else 'missed':10s} {'first' if is_first else '':5s} {[(round(o['at'] - t), o['upstream'], o['pattern']) for o in window]}", file=sys.stderr)
    d = sorted(delays)
    return {"faults": n, "recall_new": round(new / n, 3), "recall_new_or_open": round((new + still) / n, 3), "top1": round(first / n, 3),
            "false_pairs": round(false / pairs, 3), "median_delay_s": round(d[len(d) // 2]) if d else None}


def tt(a):
    truth = json.load(open(os.path.join(a.data, "tt", "faults.json")))
    opens = replay(a.binary, [gz_lines(a, "tt", "exchanges.ndjson.gz")])
    (q0, q1), = truth["quiet"]
    out = quiet("tt", [o for o in opens if q0 <= o["at"] < q1], truth["quiet_upstreams"] * (q1 - q0) / DAY, a.verbose)
    return [("tt", {**out, **faults("tt", opens, truth, a.verbose), "all_opens": len(opens)})]


def site(a):
    out = []
    for v in ("no_route", "with_route"):
        raw = gz_lines(a, "site", v + ".ndjson.gz")
        ts = lambda l: json.loads(l)["ts"]
        head, last = raw.split(b"\n", 1)[0], raw.rstrip().rsplit(b"\n", 1)[1]
        t0 = ts(head)
        opens = replay(a.binary, [raw])
        out.append(("site, " + v.replace("_", " "), quiet("site " + v, [o for o in opens if o["at"] > t0 + HOUR], (ts(last) - t0 - HOUR) / DAY, a.verbose)))
    return out


def shop(a, name="petshop-high", points=None):
    data = petshop.load(points or os.path.join(HERE, name, "points.json.gz"))
    q = petshop.quiet(data, a.seed)
    t0 = data["first"]
    tail = petshop.tail(data, q)
    jobs = ThreadPoolExecutor(max_workers=max(2, min(4, os.cpu_count() or 1)))
    quiet_job = jobs.submit(replay, a.binary, [c for _, c in q])
    shifts = [data["last"] + 300 - i["first"] for i in data["issues"]]
    runs = [jobs.submit(lambda k=k: replay(a.binary, tail + petshop.issue(data, k, a.seed))) for k in range(len(shifts))]
    end = data["last"] + 300
    out = quiet(name, [o for o in quiet_job.result() if o["at"] > t0 + HOUR], (end - t0 - HOUR) / DAY * len(data["nodes"]), a.verbose)
    short = lambda x: x.split("_")[0]
    total, per = collections.Counter(), []
    for i, shift, run in zip(data["issues"], shifts, runs):
        opens = [o for o in run.result() if o["at"] > end]
        t, fin, target, root = i["timestamp"] + shift, i["last"] + 300 + shift, i["target"], short(i["root"])
        window = [o for o in opens if t - 60 <= o["at"] <= fin]
        named = {o["upstream"] for o in window} | {z for o in opens if o["pattern"] == "correlated" for z in o.get("related") or []}
        right = lambda u: u == target or short(u) == root
        r = {"issue": i["name"], "metric": i["metric"], "hit": any(map(right, named)), "root": any(short(u) == root for u in named),
             "first": any(right(o["upstream"]) and o["at"] == window[0]["at"] for o in window),
             "before": sum(o["at"] < t - 60 for o in opens), "beside": sum(not right(u) for u in named)}
        per.append(r)
        for k in ("hit", "root", "first", "before", "beside"):
            total[k] += r[k]
        if a.verbose:
            print(f"{name}: {r}  {[(round(o['at'] - t), o['upstream'], o['pattern']) for o in window]}", file=sys.stderr)
    jobs.shutdown()
    return [(name, {**out, "issues": len(per), "issue_hit": total["hit"], "issue_root": total["root"], "issue_first": total["first"],
                    "opens_before": total["before"], "innocent_beside": total["beside"], "per_issue": per})]


COLUMNS = [("upstream-days", "upstream_days"), ("opens", "quiet_opens"), ("per u-day", "opens_per_upstream_day"), ("bare", "bare"),
           ("faults", "faults"), ("new", "recall_new"), ("new+open", "recall_new_or_open"), ("top-1", "top1"), ("false pairs", "false_pairs"),
           ("issues", "issues"), ("hit", "issue_hit"), ("root", "issue_root"), ("first", "issue_first"), ("before", "opens_before"), ("beside", "innocent_beside")]


def table(rows):
    cells = [["set"] + [c for c, _ in COLUMNS]] + [[n] + ["-" if r.get(k) is None else str(r[k]) for _, k in COLUMNS] for n, r in rows]
    width = [max(len(r[i]) for r in cells) for i in range(len(cells[0]))]
    for r in cells:
        print("  ".join(x.ljust(w) if i == 0 else x.rjust(w) for i, (x, w) in enumerate(zip(r, width))))


def exists(a, name):
    """Returns true if a set can be read."""
    return name == "petshop-high" or bool(a.data) and os.path.isdir(os.path.join(a.data, name))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("--data", metavar="DIR")
    p.add_argument("--only", default="tt,petshop-high,site")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    began, rows = time.time(), []
    for name, f in (("tt", tt), ("petshop-high", shop), ("site", site)):
        if name in a.only.split(",") and exists(a, name):
            try:
                rows += f(a)
            except Exception as e:
                print(f"{name}: {type(e).__name__}: {e}", file=sys.stderr)
                rows.append((name, {"error": f"{type(e).__name__}: {e}"}))
    table(rows)
    print(json.dumps({"seconds": round(time.time() - began), "sets": dict(rows)}))


if __name__ == "__main__":
    main()
