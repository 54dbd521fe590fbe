#!/usr/bin/env bash
# make matrix: builds the dev tests, plays every cell, every point of the fault scenes, 10,000 numbers that come back and every real
# chain on every rung, and writes the tables of docs/guarantees.md from what was counted. Fails where a cell is worse than the committed one.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/setup.sh"
# Who cannot have one of these says why, and its tests skip.
"$root/scripts/setup-node.sh" --no-apt || true
"$root/scripts/setup-python.sh" --no-apt || true
"$root/scripts/setup-browser.sh" || true
command -v python3 >/dev/null || die "the tables are written by python3, which is not here"
"$root/scripts/build.sh" dev matrix_test run_adversaries_test faults_test reuse_test lease_test chain_test browser_test bin/holdfast bin/holdfast-keeper
exec python3 "$root/scripts/matrix/play.py" "$root/build/dev/bin" "$root/docs/guarantees.md" "$jobs"
