#!/usr/bin/env bash
# make test: set-up, the dev build and all its tests, the units under both sanitizers, every fuzzer for ten seconds, the
# scripts' own syntax.
# What a machine lacks is skipped aloud; nothing here needs node or python.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
skipped=()

scripts/setup.sh
scripts/setup-node.sh --no-apt || skipped+=("what runs real npm servers: node and npm are not usable here (scripts/setup-node.sh says why)")
scripts/setup-conformance.sh --no-apt || skipped+=("the conformance suite: it cannot be installed here (scripts/setup-conformance.sh says why)")
scripts/setup-python.sh --no-apt || skipped+=("what runs real Python servers: python3 with venv is not usable here (scripts/setup-python.sh says why)")
[[ ",${CUSTODY_REQUIRE:-}," == *,browser,* ]] && scripts/setup-browser.sh
[ -d "$tools/bin" ] && export PATH="$tools/bin:$PATH"

say "scripts"
! elapsed "a command that fails" false >/dev/null || die "elapsed loses the status of what it runs"
for script in scripts/*.sh scripts/lint .ci/run; do bash -n "$script"; done
if command -v python3 >/dev/null; then
  python3 - <<'PY'
import ast, pathlib
for path in [*pathlib.Path("scripts").rglob("*.py"), *pathlib.Path("examples").rglob("*.py"), *pathlib.Path("tests").rglob("*.py")]:
    if "node_modules" not in path.parts:
        ast.parse(path.read_text(), str(path))
PY
else
  skipped+=("the syntax of the Python scripts: no python3")
fi

elapsed "dev build" scripts/build.sh dev
say "all tests"
failed=0
elapsed "tests" ctest --test-dir build/dev -j "$jobs" --output-on-failure --no-tests=error --progress || failed=1

# A skip names the capability that it misses: gtest prints the reason on the line after "Skipped".
while IFS= read -r reason; do skipped+=("$reason"); done < <(
  sed -n '/: Skipped$/{n;p}' build/dev/Testing/Temporary/LastTest.log | sort | uniq -c | sed -E 's/^ *([0-9]+) /\1 x /')
[ $failed = 0 ] || die "tests failed (above; build/dev/Testing/Temporary/LastTest.log has everything)"

for sanitizer in asan tsan; do elapsed "$sanitizer" scripts/sanitize.sh "$sanitizer"; done
FUZZ_SECONDS=10 elapsed "fuzzers" scripts/fuzz.sh --light

if [ ${#skipped[@]} -gt 0 ]; then
  say "skipped:"
  printf '   %s\n' "${skipped[@]}"
else
  say "skipped: nothing"
fi
say "make test: passed"
