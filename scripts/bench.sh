#!/usr/bin/env bash
# Builds release with its benchmarks and runs each program build/release/bin/*_bench: figures on stdout, JSON in bench/out.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/build.sh" release
mkdir -p bench/out
found=0
for program in build/release/bin/*_bench; do
  [ -x "$program" ] || continue
  found=1
  say "$(basename "$program")"
  "$program" --benchmark_out="bench/out/$(basename "$program").json" --benchmark_out_format=json "$@"
done
[ $found = 1 ] || die "no benchmark was built"
