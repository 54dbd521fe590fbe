#!/usr/bin/env bash
# The gateways that the calls section of the benchmarks stands beside, pinned, into .tools/peers: those of npm with the
# node that is there (20 or later), those of PyPI in a venv. What cannot be had is named; the benchmark leaves it out.
. "$(dirname "$0")/lib/common.sh"
here=$root/bench/peers
peers=$tools/peers
mkdir -p "$peers" "$tools/bin"

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  warn "no node and npm on this machine: no peers of npm"
elif ! fresh "$peers/node.stamp" "$here/package.json" "$here/package-lock.json" || [ ! -d "$peers/node_modules" ]; then
  say "installing the pinned peers of npm into .tools/peers (a few minutes, in silence)"
  cp "$here/package.json" "$here/package-lock.json" "$peers"
  if (cd "$peers" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null); then
    stamp "$peers/node.stamp" "$here/package.json" "$here/package-lock.json"
  else
    warn "npm did not install them"
  fi
fi
[ -e "$tools/bin/node" ] || ! command -v node >/dev/null || ln -sfn "$(command -v node)" "$tools/bin/node"

python=/usr/bin/python3
if ! $python -c 'import venv, ensurepip' 2>/dev/null; then
  warn "no python3 with venv on this machine: no peers of PyPI"
elif ! fresh "$peers/python.stamp" "$here/requirements.txt" || [ ! -x "$peers/venv/bin/mcp-proxy" ]; then
  say "installing the pinned peer of PyPI into .tools/peers/venv"
  if "$python" -m venv --clear "$peers/venv" &&
    "$peers/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps -r "$here/requirements.txt"; then
    stamp "$peers/python.stamp" "$here/requirements.txt"
  else
    warn "pip did not install it"
  fi
fi
say "set up: the peers of the benchmarks"
