#!/usr/bin/env bash
# Builds every tests/fuzz/NAME_fuzz.cc with libFuzzer, ASan and UBSan and runs it for FUZZ_SECONDS (30), from its corpus.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
cmake --preset asan -B build/fuzz -DHOLDFAST_FUZZ=ON >/dev/null || die "configuring build/fuzz failed: cmake --preset asan -B build/fuzz -DHOLDFAST_FUZZ=ON"
programs=()
for source in tests/fuzz/*_fuzz.cc; do programs+=("bin/$(basename "$source" .cc)"); done
say "building ${programs[*]}"
cmake --build build/fuzz -j "$jobs" --target "${programs[@]}" || die "building the fuzzers failed: the first error is above."
for program in "${programs[@]}"; do
  name=$(basename "$program" _fuzz)
  work=build/fuzz/corpus/$name; mkdir -p "$work"
  seeds=(); [ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
  say "$name for ${FUZZ_SECONDS:-30} s"
  "build/fuzz/$program" -max_total_time="${FUZZ_SECONDS:-30}" -print_final_stats=1 -artifact_prefix=build/fuzz/ "$work" "${seeds[@]}"
done
