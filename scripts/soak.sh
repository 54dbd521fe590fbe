#!/usr/bin/env bash
# make soak: LIFETIMES (10,000) of servers under one gateway with faults by chance, and docs/soak.svg from the readings.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/setup.sh"
"$root/scripts/build.sh" dev soak bin/holdfast bin/holdfast-keeper
readings=build/dev/soak.jsonl
elapsed "soak" build/dev/bin/soak "${LIFETIMES:-10000}" | tee "$readings"
if command -v python3 >/dev/null; then
  python3 scripts/soak/graph.py "$readings" docs/soak.svg
  say "docs/soak.svg is drawn anew"
else
  warn "no graph: that takes python3"
fi
