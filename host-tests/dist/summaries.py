#!/usr/bin/env python3
"""Prints the summaries that a fleet emits in a minute: summaries.py PROXIES UPSTREAMS [SHARD SHARDS]

Every proxy emits one summary of each upstream, with all counts, a latency histogram and four hosts. With SHARD, only the upstreams of that shard."""

import sys

LINE = (
    '{"schema":1,"type":"summary","source":"proxy-%d/1/1795420800","seq":0,"upstream":"service-%d",'
    '"start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:00:59.000Z",'
    '"fates":{"clean":812,"slow":3,"tight":1,"client_retried":0,"retried":61,"failover":0,"stale":0,"fallback":2,"partial":0,"failed":1,"rejected":0,"abandoned":0},'
    '"attempts":942,"signals":{"retry":62,"fallback":2,"timeout":1,"failed":1},"first_try":816,"first_try_success_bp":9272,'
    '"final_success_bp":9988,"failed_attempts_ms":744.1,"margins":[1,2,0,61,0,0,0,0,0,813],"late":0,"suppressed":12,'
    '"latency":{"scale":3,"offset":24,"counts":[1,0,3,12,40,80,140,200,180,100,60,30,20,8,4,2]},'
    '"hosts":[{"host":"10.0.%d.1:80","attempts":300,"failed":58,"near_misses":58},{"host":"10.0.%d.2:80","attempts":300,"failed":1,"near_misses":1},'
    '{"host":"10.0.%d.3:80","attempts":300,"failed":1,"near_misses":1},{"host":"10.0.%d.4:80","attempts":42,"failed":0,"near_misses":0}],'
    '"routes":[{"route":"checkout","exchanges":800,"near_misses":60}],"max_attempts_learned":3}\n'
)


def main(proxies, upstreams, shard=0, shards=1):
    for proxy in range(proxies):
        lines = [LINE % (proxy, upstream, *[upstream % 256] * 4) for upstream in range(shard, upstreams, shards)]
        sys.stdout.write("".join(lines))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__.splitlines()[0])
    main(*map(int, sys.argv[1:]))
