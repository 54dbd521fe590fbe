#!/usr/bin/env bash
# Builds every tests/fuzz/NAME_fuzz.cc with libFuzzer, ASan and UBSan and runs each for FUZZ_SECONDS (300) from its
# corpus, two at a time. What they find new stays in build/asan/fuzz, and so does the input that a fault came from.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
seconds=${FUZZ_SECONDS:-300}
heavy=" http "  # HEAVY in tests/fuzz/CMakeLists.txt; left out by --light
targets=(fuzzers); [ "${1:-}" = --light ] || targets+=(heavy_fuzzers)
"$root/scripts/build.sh" asan "${targets[@]}"
work=build/asan/fuzz

fuzz() { # NAME
  mkdir -p "$work/$1"
  "build/asan/bin/$1_fuzz" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 -artifact_prefix="$work/$1-" \
    "$work/$1" "tests/fuzz/corpus/$1" >"$work/$1.log" 2>&1 || { tail -n 60 "$work/$1.log"; warn "$1: $work/$1.log"; return 1; }
  say "$1: $(awk '/number_of_executed_units/ { print $2 }' "$work/$1.log") inputs in $seconds s"
}

failed=0
names=()
for source in tests/fuzz/*_fuzz.cc; do
  name=$(basename "$source" _fuzz.cc)
  [[ "${1:-}" = --light && "$heavy" = *" $name "* ]] || names+=("$name")
done
for ((i = 0; i < ${#names[@]}; i += 2)); do
  pids=()
  for name in "${names[@]:i:2}"; do fuzz "$name" & pids+=($!); done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
done
[ $failed = 0 ] || die "a fuzzer found a fault (above)"
