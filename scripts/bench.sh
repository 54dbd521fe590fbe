#!/usr/bin/env bash
# bench.sh [SECTION...]: the release build's holdfast_bench; without a word every section (docs/benchmarks.md).
# A table for people on stderr, JSON in bench/out. TICKS=1440 compresses a whole day; the default is a seventh of it.
# SECONDS_EACH: how long one of the calls section's runs takes.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/build.sh" release bin/holdfast bin/holdfast-keeper bin/holdfast_bench bin/small_gateway bin/bench/bench_blocker bin/bench/echo_http bin/bench/echo_mcp bin/fixtures/mcp_server >&2
# References that the distribution has. One that is missing is named where it would stand.
[ "$(id -u)" -ne 0 ] || apt_install tini dumb-init bubblewrap >&2 || warn "going on with the references that are there."
if [ $# -eq 0 ] || [[ " $* " = *" calls "* ]]; then "$root/scripts/setup-peers.sh" >&2; fi
mkdir -p bench/out
out=bench/out/$(date -u +%Y%m%dT%H%M%SZ).json
say "$(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), $(uname -r)" >&2
status=0
"build/release/bin/holdfast_bench" --ticks "${TICKS:-200}" --seconds "${SECONDS_EACH:-3}" "$@" >"$out" || status=$?
[ $status = 0 ] || warn "not every section could be taken (above)"
say "figures in $out" >&2
if grep -q '"cases"' "$out" && command -v python3 >/dev/null; then
  python3 scripts/bench/graph.py "$out" "${out%.json}.svg" && say "a picture of the calls in ${out%.json}.svg" >&2
fi
exit $status
