#!/usr/bin/env bash
# sanitize.sh asan|tsan: builds the unit tests of the rooms that do without Beast under that sanitizer and runs them.
. "$(dirname "$0")/lib/common.sh"
preset=$1
cd "$root"
"$root/scripts/build.sh" "$preset" unit_tests
say "the units under $preset"
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=second_deadlock_stack=1
# setarch -R: ThreadSanitizer's shadow does not fit every layout that address randomisation may choose.
runner=(); [ "$preset" = tsan ] && setarch -R true 2>/dev/null && runner=(setarch -R)
"${runner[@]}" ctest --test-dir "build/$preset" -L '^unit$' -j "$jobs" --output-on-failure --no-tests=error --progress
