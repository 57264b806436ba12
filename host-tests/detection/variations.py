#!/usr/bin/env python3
"""Prints or scores the simulated day of world.py with one thing changed. Needs numpy, as emit.py does.

  variations.py VARIATION {std|hard} SEED TRUTH.json > day.ndjson              as emit.py
  variations.py VARIATION {std|hard} SEED --run BINARY [--keep DIR]            replays the day through BINARY and prints the score

noise15  the noise of ten seconds on durations is 1.5 times as high
ups30    30 upstreams: 18 more without a fault (0.2 to 6 requests a second)
hours    creeps, bad hosts, saturation, fallbacks and masked bursts last hours, not minutes
two      short faults come in pairs: the fault of another upstream begins within 15 s
plain    nothing changed, for comparison

The same seed has the same faults as far as the change allows. --run scores as score.py does, with the number of upstreams of the
variation. A masked burst or a fallback that lasts hours is rightly `sustained` too. --keep DIR keeps truth, episode records and score
there.
"""
import argparse, json, os, runpy, subprocess, sys, tempfile, types

# Each change: (text in world.py, its replacement).
PLACE = "    def place(n,dur,lo=2*3600,hi=DAY-1800):"
CHANGES = {
    "plain": [],
    "noise15": [("wobble(r,r.uniform(.05,.20),10)+wobble(r,.05,60)", "wobble(r,1.5*r.uniform(.05,.20),10)+wobble(r,.05,60)")],
    "ups30": [("NAMES=[u[0] for u in UPS]", """UPS += [(f"svc-{i:02d}",float(np.geomspace(.2,6,18)[i]),float(np.geomspace(12,300,18)[(i*7)%18]),.35+.05*(i%9),2+i%8,[.0003,.0005,.001,.002,.004,.008][i%6],i%2==0,None) for i in range(18)]
NAMES=[u[0] for u in UPS]""")],
    "hours": [
        ('n=str(r.choice(big)); d=int(r.integers(1200,2400)); s=place(n,d+300)', 'n=str(r.choice(big)); d=int(r.integers(6000,12000)); s=place(n,d+300)'),
        ('n=str(r.choice(big)); d=int(r.integers(600,1800)); s=place(n,d)', 'n=str(r.choice(big)); d=int(r.integers(7200,14400)); s=place(n,d)'),
        ('n=str(r.choice(big)); d=int(r.integers(180,600)); s=place(n,d)', 'n=str(r.choice(big)); d=int(r.integers(7200,14400)); s=place(n,d)'),
        ('n=str(r.choice(fbk)); d=40; s=place(n,d)', 'n=str(r.choice(fbk)); d=int(r.integers(5400,9000)); s=place(n,d)'),
        ('n=str(r.choice(big+["geo"])); d=int(r.integers(10,60)); s=place(n,d)', 'n=str(r.choice(big+["geo"])); d=int(r.integers(5400,9000)); s=place(n,d)'),
    ],
    "two": [(PLACE, """    used=[]
    def place(n,dur,lo=2*3600,hi=DAY-1800):
        if dur<3000 and used:
            for _ in range(60):
                s=max(lo,int(r.choice(used)+r.integers(-15,16)))
                if s+dur<hi and all(s>e+900 or s+dur<b-900 for b,e in busy[n]): busy[n].append((s,s+dur)); return s
        s=place0(n,dur,lo,hi)
        if s is not None and dur<3000: used.append(s)
        return s
    def place0(n,dur,lo=2*3600,hi=DAY-1800):""")],
}


def world(where, variation):
    src = open(os.path.join(where, "world.py")).read()
    for a, b in CHANGES[variation]:
        if a not in src:
            sys.exit(f"variations.py: world.py has changed, {variation} no longer fits: {a}")
        src = src.replace(a, b)
    m = types.ModuleType("world")
    exec(compile(src, "world_" + variation, "exec"), m.__dict__)
    return m


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("variation", choices=CHANGES)
    p.add_argument("level", choices=["std", "hard"])
    p.add_argument("seed", type=int)
    p.add_argument("truth", nargs="?")
    p.add_argument("--run", metavar="BINARY")
    p.add_argument("--keep", metavar="DIR")
    a = p.parse_args()
    where = os.path.dirname(os.path.abspath(__file__))
    if not a.run:
        if not a.truth:
            p.error("TRUTH.json or --run BINARY is needed")
        sys.modules["world"] = world(where, a.variation)
        sys.argv = ["emit.py", str(a.seed), a.level, a.truth]
        runpy.run_path(os.path.join(where, "emit.py"))
        return
    with tempfile.TemporaryDirectory() as tmp:
        keep = a.keep or tmp
        os.makedirs(keep, exist_ok=True)
        name = os.path.join(keep, f"{a.variation}_{a.level}_{a.seed}")
        day = subprocess.Popen([sys.executable, os.path.abspath(__file__), a.variation, a.level, str(a.seed), name + ".truth.json"], stdout=subprocess.PIPE)
        run = subprocess.Popen([a.run, "replay", "--format", "exchange", "-"], stdin=day.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        day.stdout.close()
        with open(name + ".records.ndjson", "wb") as f:
            f.writelines(l for l in run.stdout if b'"type":"episode"' in l)
        if run.wait() or day.wait():
            sys.exit(f"variations.py: {a.run} ended with {run.returncode}, the day with {day.returncode}")
        score = open(os.path.join(where, "score.py")).read()
        n = 30 if a.variation == "ups30" else 12
        changes = [("UPSTREAMS = 86400, 3600, 300, 12", f"UPSTREAMS = 86400, 3600, 300, {n}")]
        if a.variation == "hours":
            changes += [(f'"{kind}": {{"burst"}}', f'"{kind}": {{"burst", "sustained"}}') for kind in ("error_burst_masked", "fallback_40s")]
        for old, new in changes:
            if old not in score:
                sys.exit("variations.py: score.py has changed: " + old)
            score = score.replace(old, new)
        with open(os.path.join(tmp, "score.py"), "w") as f:
            f.write(score)
        out = subprocess.run([sys.executable, os.path.join(tmp, "score.py"), name + ".truth.json", name + ".records.ndjson"], capture_output=True, text=True, check=True).stdout
        if a.keep:
            with open(name + ".score.json", "w") as f:
                f.write(out)
        print(json.dumps({"variation": a.variation, "level": a.level, "seed": a.seed, **json.loads(out)}))


main()
