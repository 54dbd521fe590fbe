#!/usr/bin/env bash
# make run: sets up, builds, and hands over to the screen.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/setup.sh"
"$root/scripts/setup-node.sh"
"$root/scripts/setup-python.sh"
"$root/scripts/build.sh" release bin/holdfast bin/holdfast-keeper
export HOLDFAST_PYTHON=$tools/venv/bin/python
# exec: signals reach the screen alone, and its last line is the last line.
exec "$HOLDFAST_PYTHON" "$root/scripts/run/screen.py" "$root/bin/holdfast" "$root/examples/seven-jobs.yaml" "$root/.holdfast-run"
