#!/usr/bin/env bash
# make demo: sets up, builds, and hands over to scripts/demo/measure.py.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/setup.sh"
"$root/scripts/setup-node.sh"
"$root/scripts/setup-python.sh"
"$root/scripts/build.sh" release bin/holdfast bin/holdfast-keeper
export HOLDFAST_PYTHON=$tools/venv/bin/python
exec "$HOLDFAST_PYTHON" "$root/scripts/demo/measure.py" "$root/bin/holdfast" "$root/.holdfast-run"
