#!/usr/bin/env bash
# sanitize.sh asan|tsan: builds the unit tests of the rooms that do without Beast under that sanitizer and runs them. TSan sees
# the custodian and the pool at work as well: their loop and their worker share what the units do not show.
. "$(dirname "$0")/lib/common.sh"
preset=$1
cd "$root"
programs=(unit_tests) also=
[ "$preset" = tsan ] && programs+=(custodian_test pool_test) && also='^(custodian|pool)/'
"$root/scripts/build.sh" "$preset" "${programs[@]}"
say "the units${also:+, the custodian and the pool} under $preset"
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=second_deadlock_stack=1
# setarch -R: ThreadSanitizer's shadow does not fit every layout that address randomisation may choose.
runner=(); [ "$preset" = tsan ] && setarch -R true 2>/dev/null && runner=(setarch -R)
run() { "${runner[@]}" ctest --test-dir "build/$preset" "$@" -j "$jobs" --output-on-failure --no-tests=error --progress; }
run -L '^unit$'
[ -z "$also" ] || run -R "$also"
