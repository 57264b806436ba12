"""Variations of the simulated day of world.py, each with one thing changed.

plain    nothing changed
noise15  the noise of ten seconds on durations is 1.5 times as high
ups30    30 upstreams: 18 more without a fault (0.2 to 6 requests a second)
hours    creeps, bad hosts, saturation, fallbacks and masked bursts last hours, not minutes
two      short faults come in pairs: the fault of another upstream begins within 15 s

The same seed has the same faults as far as the change allows.
"""
import sys, types
from pathlib import Path

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


def world(variation):
    """Returns the module world.py as the variation changes it."""
    source = (Path(__file__).parent / "world.py").read_text()
    for before, after in CHANGES[variation]:
        if before not in source:
            sys.exit(f"variations.py: world.py has changed, {variation} no longer fits: {before}")
        source = source.replace(before, after)
    module = types.ModuleType("world_" + variation)
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module
