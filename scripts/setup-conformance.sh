#!/usr/bin/env bash
# The pinned conformance suite of MCP, for make conformance and its test, on the Node 22 of scripts/setup-node.sh.
# --no-apt: do not install node by apt when there is none (exit 3 then).
. "$(dirname "$0")/lib/common.sh"
"$root/scripts/setup-node.sh" "$@"

here=$root/tests/conformance/node
if ! fresh "$tools/conformance.stamp" "$here/package-lock.json" "$here/package.json" || [ ! -d "$here/node_modules" ]; then
  say "installing the pinned conformance suite: npm ci in tests/conformance/node (half a minute, in silence)"
  (cd "$here" && PATH=$tools/bin:$PATH npm ci --no-fund --no-audit --loglevel=error >/dev/null)
  stamp "$tools/conformance.stamp" "$here/package-lock.json" "$here/package.json"
fi
say "set up: conformance suite $(sed -n 's/.*"@modelcontextprotocol\/conformance": "\(.*\)".*/\1/p' "$here/package.json")"
