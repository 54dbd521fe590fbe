#!/usr/bin/env bash
# Node 22 and the pinned npm servers, for make run, make demo and the interop tests. The system's node is used when
# it is new enough; otherwise node@22 comes from npm into .tools/node. Nothing of the system is replaced.
# --no-apt: do not install node by apt when there is none (exit 3 then).
. "$(dirname "$0")/lib/common.sh"
want=22

major() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p'; }

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  [ "${1:-}" = --no-apt ] && { warn "no node and npm on this machine"; exit 3; }
  apt_install nodejs npm || die "node and npm are needed for this"
fi

mkdir -p "$tools/bin"
node=$(command -v node)
# A link of our own must not be taken for the system's.
[ "$node" = "$tools/bin/node" ] && node=$(PATH=${PATH//$tools\/bin:/} command -v node)
if [ "$(major "$node")" -lt $want ]; then
  node=$tools/node/node_modules/.bin/node
  if [ "$(major "$node" || true)" != $want ]; then
    say "the system's node is $(command node --version), $want is needed: npm install node@$want into .tools/node (a few minutes, in silence)"
    mkdir -p "$tools/node"
    npm install --no-save --no-package-lock --no-fund --no-audit --loglevel=error --prefix "$tools/node" "node@$want" >/dev/null
  fi
fi
ln -sfn "$node" "$tools/bin/node"

here=$root/tests/interop/node
if ! fresh "$tools/node.stamp" "$here/package-lock.json" "$here/package.json" || [ ! -d "$here/node_modules" ]; then
  say "installing the pinned npm servers: npm ci in tests/interop/node (a few minutes, in silence)"
  (cd "$here" && PATH=$tools/bin:$PATH npm ci --no-fund --no-audit --loglevel=error >/dev/null)
  for server in mcp-server-{everything,filesystem,memory,sequential-thinking} {chrome-devtools,context7,playwright}-mcp mcp-inspector; do
    ln -sfn "$here/node_modules/.bin/$server" "$tools/bin/$server"
  done
  stamp "$tools/node.stamp" "$here/package-lock.json" "$here/package.json"
fi
say "set up: node $("$tools/bin/node" --version) and the pinned npm servers"
