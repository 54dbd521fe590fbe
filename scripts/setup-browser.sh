#!/usr/bin/env bash
# Debian's Chromium by apt, for the tests of a browser behind its server. Large, and needed by nothing else: make setup and
# make test do without it, unless CUSTODY_REQUIRE names `browser`.
. "$(dirname "$0")/lib/common.sh"
apt_install chromium || die "chromium is needed for this"
say "set up: $(chromium --version 2>/dev/null)"
