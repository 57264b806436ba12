"""Simulated traffic with known episodes, to score detection: one seed is one 24 h day of 12 upstreams.

build(seed, level) -> (exchanges, attempts, episodes, negatives)
  exchanges  dict of equal-length arrays, one row per exchange, grouped by upstream:
             t (s, arrival), up (index into NAMES), host (final), ep (endpoint 0..3, 3 = rare and slow),
             st (final status), lat (ms, whole exchange), att (attempts), fail (failed attempts),
             fbk (answered by the fallback), aff (touched by an injected fault), to (saw a timeout),
             h0..h2, b0..b2, l0..l2 (host, failed?, ms of each attempt; host -1 = no such attempt),
             tmo (ms, the timeout of an attempt)
  attempts   int array, one row per attempt: upstream, second, host, failed
  episodes   the ground truth; "neutral" ones affected fewer than 5 exchanges and count neither as hit nor as miss
  negatives  spans in which something changes but nothing is wrong

Noise is not aligned to a grid: latency varies in steps of random length, errors come in clusters of 1 to 4 s, hosts pause.
"""
import numpy as np, json, sys
DAY=86400
UPS=[ # name, rps, median ms, sigma, hosts, base err/attempt, fallback?, shared dep
 ("edge-api",14,40,.45,10,.0005,True,None),("search",8,90,.60,8,.0010,True,None),("cart",5,25,.40,6,.0005,False,"db"),
 ("orders",4,60,.50,6,.0008,False,"db"),("users",4,18,.35,4,.0003,True,"db"),("images",3,15,.80,6,.0010,True,None),
 ("pricing",2,35,.45,5,.0005,True,None),("recs",1.5,120,.70,5,.0020,True,None),("flaky-legacy",1.5,150,.60,4,.0120,False,None),
 ("payments",.6,180,.45,3,.0010,False,None),("geo",.2,30,.50,3,.0005,True,None),("cron-report",1/60,400,.50,1,.0050,False,None)]
NAMES=[u[0] for u in UPS]
KINDS=["error_burst_masked","p99_creep","fallback_40s","correlated_dep","periodic_blips","timeout_saturation","retry_storm","bad_host","precursor_outage"]

# severity ranges (lo,hi) per level; "std" = clear to a careful human on a dashboard, "hard" = just above the detectability floor
SEV={"std":dict(mask=(.05,.4),creep=(2,6),creepf=.10,fb=(.3,1.),cdf=(.3,.6),cdm=(1.5,2.5),cde=(.005,.03),pbe=(.3,.6),pbl=(.9,5),sat=(.05,.15),bhe=(.2,.6),bhl=(3,5),pre=(.04,.25)),
     "hard":dict(mask=(.02,.12),creep=(1.,2.2),creepf=.06,fb=(.08,.4),cdf=(.15,.3),cdm=(1.35,1.8),cde=(0.,.01),pbe=(.15,.35),pbl=(.5,3),sat=(.02,.06),bhe=(.06,.2),bhl=(1.8,2.5),pre=(.02,.10))}
def wobble(r,sd,mean):
    """Returns a day of steps with random lengths (seconds, mean `mean`) and normal heights, not aligned to a grid."""
    d=np.maximum(2,r.exponential(mean,DAY//mean*2)).astype(int)
    return np.repeat(r.normal(0,sd,len(d)),d)[:DAY]
def build(seed,level="std",noise=True):
    V=SEV[level]
    r=np.random.default_rng(seed); T=np.arange(DAY)
    ep=[];neg=[];busy={n:[] for n in NAMES}
    S={n:dict(perr=np.zeros(DAY),frac=np.zeros(DAY),mult=np.ones(DAY),gm=np.ones(DAY),fb=np.zeros(DAY),hosts=[],rate=np.ones(DAY),slow=np.ones(DAY),c4=np.zeros(DAY)) for n in NAMES}
    def place(n,dur,lo=2*3600,hi=DAY-1800):
        for _ in range(400):
            s=int(r.integers(lo,hi-dur))
            if all(s>e+900 or s+dur<b-900 for b,e in busy[n]): busy[n].append((s,s+dur)); return s
        return None
    big=[n for n,u in zip(NAMES,UPS) if u[1]>=.6 and n!="flaky-legacy"]; fbk=[n for n,u in zip(NAMES,UPS) if u[6] and u[1]>=.2]
    def add(n,kind,s,e,out=None,**k): ep.append(dict(up=n,kind=kind,start=int(s),end=int(e),outage=out,**k))
    # --- hard negatives first (they need long spans) ---
    n=str(r.choice(["edge-api","search","cart"])); s=place(n,1800); S[n]["rate"][s:s+1800]*=2; S[n]["gm"][s:s+1800]*=1.05; neg.append(dict(up=n,kind="traffic_x2",start=s,end=s+1800))
    n=str(r.choice(["orders","users","pricing","recs"])); s=int(r.integers(4*3600,18*3600)); busy[n].append((s,s+1200)); S[n]["gm"][s:]*=1.3; neg.append(dict(up=n,kind="deploy_x1.3_permanent",start=s,end=s+1200))
    n=str(r.choice(["images","search","edge-api"])); s=place(n,900); S[n]["slow"][s:s+900]*=8; neg.append(dict(up=n,kind="endpoint_mix_shift",start=s,end=s+900))
    n=str(r.choice(["users","cart","edge-api"])); s=place(n,600); S[n]["c4"][s:s+600]=.25; neg.append(dict(up=n,kind="client_4xx_surge",start=s,end=s+600))
    n=str(r.choice(["orders","images"])); s=place(n,3600); S[n]["rate"][s:s+3600]*=.05; neg.append(dict(up=n,kind="traffic_drop_95pct",start=s,end=s+3600))
    # --- long episodes ---
    for i in range(3): # precursors then outage
        n=str(r.choice([x for x in big])); tot=3600+300; s=place(n,tot)
        if s is None: continue
        o=s+int(r.integers(2700,3600)); k=int(r.integers(3,7)); fr=1-np.geomspace(1,.06,k) # spacing shrinks
        for f in fr:
            b=s+int(f*(o-s)*.98); d=int(r.integers(8,35)); S[n]["perr"][b:b+d]=r.uniform(*V["pre"]); S[n]["frac"][b:b+d]=.3 if level=="std" else .1; S[n]["mult"][b:b+d]=2
        oe=o+int(r.integers(90,300)); S[n]["perr"][o:oe]=r.uniform(.75,.95); S[n]["frac"][o:oe]=.6; S[n]["mult"][o:oe]=4
        add(n,"precursor_outage",s,oe,out=o)
    for i in range(4):
        n=str(r.choice(big)); d=int(r.integers(1200,2400)); s=place(n,d+300)
        if s is None: continue
        ramp=np.linspace(0,1,d); S[n]["frac"][s:s+d]=np.maximum(S[n]["frac"][s:s+d],.02+V["creepf"]*ramp); S[n]["mult"][s:s+d]=1+r.uniform(*V["creep"])*ramp; out=None;e=s+d
        if i<2: out=s+d; e=s+d+int(r.integers(90,240)); S[n]["perr"][out:e]=r.uniform(.7,.9); S[n]["frac"][out:e]=.7; S[n]["mult"][out:e]=6
        add(n,"p99_creep",s,e,out=out)
    for i in range(2):
        n=str(r.choice(big)); P=int(r.choice([180,240,300,420,600])); k=int(r.integers(10,20)) if P<400 else int(r.integers(8,13)); s=place(n,k*P+10)
        if s is None: continue
        m=r.random()<.5
        for j in range(k):
            b=s+j*P+int(r.integers(0,3)); d=int(r.integers(2,6))
            if m: S[n]["perr"][b:b+d]=r.uniform(*V["pbe"])
            else: S[n]["frac"][b:b+d]=V["pbl"][0]; S[n]["mult"][b:b+d]=V["pbl"][1]
        add(n,"periodic_blips",s,s+(k-1)*P+6,sub="err" if m else "lat",period=P)
    for i in range(3):
        n=str(r.choice(big)); d=int(r.integers(600,1800)); s=place(n,d)
        if s is None: continue
        h=int(r.integers(0,UPS[NAMES.index(n)][4])); m=r.random()<.5; S[n]["hosts"].append((s,s+d,h,r.uniform(*V["bhe"]) if m else 0.,1. if m else r.uniform(*V["bhl"]))); add(n,"bad_host",s,s+d,host=h,sub="err" if m else "lat")
    for i in range(3):
        n=str(r.choice(big)); d=int(r.integers(180,600)); s=place(n,d)
        if s is None: continue
        S[n]["frac"][s:s+d]=r.uniform(*V["sat"]); S[n]["mult"][s:s+d]=-r.uniform(.75,.97); add(n,"timeout_saturation",s,s+d) # negative mult = latency set to that fraction of timeout
    for i in range(2):
        d=int(r.integers(60,180)); trio=["cart","orders","users"]
        for _ in range(400):
            s=int(r.integers(7200,DAY-1800-d))
            if all(s>e+900 or s+d<b-900 for n in trio for b,e in busy[n]): break
        f=r.uniform(*V["cdf"]); m=r.uniform(*V["cdm"]); pe=r.uniform(*V["cde"])
        for n in trio: busy[n].append((s,s+d)); S[n]["frac"][s:s+d]=f; S[n]["mult"][s:s+d]=m; S[n]["perr"][s:s+d]=pe; add(n,"correlated_dep",s,s+d,group=i)
    for i in range(4):
        n=str(r.choice(big+["geo"])); d=int(r.integers(10,60)); s=place(n,d)
        if s is None: continue
        S[n]["perr"][s:s+d]=r.uniform(*V["mask"]); add(n,"error_burst_masked",s,s+d)
    for i in range(4):
        n=str(r.choice(fbk)); d=40; s=place(n,d)
        if s is None: continue
        S[n]["fb"][s:s+d]=r.uniform(*V["fb"]); add(n,"fallback_40s",s,s+d)
    for i in range(2):
        n=str(r.choice(["edge-api","search","cart","orders"])); s=place(n,300)
        if s is None: continue
        C=1.6; back=0.; trig=int(r.integers(5,12)); L=int(r.integers(60,240)); pf=[]
        for t in range(L):
            off=1+min(back,2.); c=C*(.3 if t<trig else 1.); c=c if off<=c else c*max(.5,c/off); p=max(0.,1-c/off); pf.append(p); back=p*off*.9
        S[n]["perr"][s:s+L]=np.clip(pf,0,.97); S[n]["frac"][s:s+L]=.8; S[n]["mult"][s:s+L]=3; add(n,"retry_storm",s,s+L)
    # --- emit requests ---
    cols={k:[] for k in("t","up","host","ep","st","lat","att","fail","fbk","aff","to","tmo")+tuple(c+str(k) for c in "hbl" for k in range(3))}; HATT=[] # attempts table for host-level detectors
    for ui,(n,rps,med,sg,H,be,hasfb,_) in enumerate(UPS):
        s=S[n]; ph=r.uniform(0,2*np.pi) if n=="cron-report" else -2.0
        g=np.repeat(r.gamma(100,1/100,DAY//60),60)
        lam=rps*(1+.5*np.sin(2*np.pi*T/DAY+ph))*s["rate"]*g
        cnt=r.poisson(lam); tt=np.repeat(T,cnt)+r.random(cnt.sum()); tt.sort(); sec=tt.astype(int); N=len(tt)
        load=lam[sec]/rps
        w=np.array([.5,.3,.19,.01]); em=np.array([.8,1.,1.5,14.])*1.0
        u=r.random(N); slowp=w[3]*s["slow"][sec]; epi=np.where(u<slowp,3,np.where(u<slowp+.5*(1-slowp),0,np.where(u<slowp+.8*(1-slowp),1,2)))
        post=(epi==2); timeout=max(1000.,20*med)
        drift=1+.15*np.sin(2*np.pi*T/DAY*1.0+1)
        hf=np.exp(r.normal(0,.05,H))
        # natural over-dispersion, set from recorded fault-free spans: 10 s and 60 s noise on log latency, host pauses, small error clusters
        ln=np.zeros(DAY); nat=np.zeros(DAY); pau=[np.zeros(DAY)]*H
        if noise:
            ln=wobble(r,r.uniform(.05,.20),10)+wobble(r,.05,60)
            for c in r.integers(0,DAY,r.poisson(8)): d=int(r.integers(1,5)); nat[c:c+d]=min(.6,2.5/d/max(lam[c],.05))
            pau=[(lambda z:(z.__setitem__(r.integers(0,DAY,DAY//600),r.uniform(100,600,DAY//600)),z)[1])(np.zeros(DAY)) for _ in range(H)]
            pau=np.stack(pau)
        done=np.zeros(N,bool);fails=np.zeros(N,int);att=np.zeros(N,int);tot=np.zeros(N);aff=np.zeros(N,bool);st=np.full(N,200);host=np.full(N,-1);sawto=np.zeros(N,bool)
        AH=np.full((3,N),-1);AB=np.zeros((3,N),bool);AL=np.zeros((3,N))
        usefb=r.random(N)<s["fb"][sec]; fbk=usefb.copy(); aff|=usefb; tot[usefb]=med*.3*np.exp(r.normal(0,.3,usefb.sum())); done|=usefb
        for k in range(3):
            ix=np.where(~done & ((k==0)|(~post)))[0]
            if len(ix)==0: break
            sc=np.minimum(sec[ix]+(tot[ix]/1000).astype(int),DAY-1); m=len(ix)
            h=r.integers(0,H,m); 
            l=med*em[epi[ix]]*np.exp(r.normal(0,sg,m))*drift[sc]*s["gm"][sc]*(1+.1*np.maximum(load[ix]-1,0))*hf[h]*np.exp(ln[sc])
            if noise: fr=(tt[ix]+tot[ix]/1000)%1*1000; l=l+np.maximum(0,pau[h,sc]-fr)
            tail=r.random(m)<.004; l[tail]*=r.pareto(2.,tail.sum())+2
            inj=r.random(m)<s["frac"][sc]; mu=s["mult"][sc]
            setto=inj&(mu<0); l2=np.where(inj&(mu>0),l*np.abs(mu),l); l2=np.where(setto,timeout*np.clip(-mu+r.normal(0,.03,m),.5,1.02),l2)
            pe=be+s["perr"][sc]; injerr=np.zeros(m,bool)
            for (b,e,hh,pp,mm) in s["hosts"]:
                q=(sc>=b)&(sc<e)&(h==hh); pe=np.where(q,pe+pp,pe); l2=np.where(q,l2*mm,l2); inj=inj|(q&(mm>1))
            bn=be+nat[sc]; pe=pe+nat[sc]; x=r.random(m); err=x<pe; injerr=err&(x>=bn)
            l2=np.where(err,np.minimum(l2,timeout)*r.uniform(.05,1,m),l2); to=l2>=timeout; l2=np.minimum(l2,timeout); bad=err|to
            aff[ix]|=injerr|(inj&(l2>1.25*l))|(inj&to)
            sawto[ix]|=to; att[ix]+=1; host[ix]=h; tot[ix]+=l2+(25*r.random(m)*2**k if k else 0); fails[ix]+=bad; AH[k,ix]=h; AB[k,ix]=bad; AL[k,ix]=l2
            HATT.append(np.stack([np.full(m,ui),sc,h,bad],1).astype(np.int32))
            done[ix[~bad]]=True
        nd=~done; st[nd]=np.where(sawto[nd],504,502)
        if hasfb: q=nd&(r.random(N)<.9); fbk|=q; st[q]=200
        c4=(r.random(N)<s["c4"][sec]+.005)&(st==200)&~fbk; st[c4]=404
        for kk,v in dict(t=tt,up=np.full(N,ui),host=host,ep=epi,st=st,lat=tot,att=att,fail=fails,fbk=fbk,aff=aff,to=sawto,tmo=np.full(N,timeout),**{c+str(k):a[k] for c,a in zip("hbl",(AH,AB,AL)) for k in range(3)}).items(): cols[kk].append(v)
    D={k:np.concatenate(v) for k,v in cols.items()}; A=np.concatenate(HATT)
    for e in ep: # detectability floor: fewer than 5 requests touched -> neutral (neither hit nor miss)
        q=(D["up"]==NAMES.index(e["up"]))&(D["t"]>=e["start"])&(D["t"]<e["end"]+1); e["affected"]=int((D["aff"]&q).sum()); e["requests"]=int(q.sum()); e["neutral"]=e["affected"]<5
    return D,A,sorted(ep,key=lambda e:e["start"]),neg
