#!/usr/bin/env bash
# make conformance: sets up, builds, and plays the official suite through the gateway, one line per pairing, and against it as a client.
. "$(dirname "$0")/lib/common.sh"
cd "$root"
"$root/scripts/setup.sh"
"$root/scripts/setup-conformance.sh"
command -v python3 >/dev/null || die "the suite is played by python3, which is not here"
"$root/scripts/build.sh" dev bin/holdfast bin/holdfast-keeper bin/fixtures/conformance_server
status=0
python3 tests/conformance/run.py build/dev/bin/holdfast build/dev/bin/fixtures/conformance_server build/dev/conformance "$@" || status=$?
python3 tests/conformance/client.py build/dev/bin/holdfast build/dev/conformance/client || status=$?
exit $status
