#!/usr/bin/env bash
# A venv in .tools/venv with the pinned Python servers, for make run, make demo and the interop tests.
# --no-apt: do not install python3-venv by apt when it is absent (exit 3 then).
. "$(dirname "$0")/lib/common.sh"
requirements=$root/tests/interop/python/requirements.txt
python=/usr/bin/python3   # the distribution's: the one that python3-venv belongs to
[ -x $python ] || python=$(command -v python3 || true)

if [ -z "$python" ] || ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  [ "${1:-}" = --no-apt ] && { warn "no python3 with venv on this machine"; exit 3; }
  apt_install python3 python3-venv || die "python3 with venv is needed for this"
  python=/usr/bin/python3
fi

mkdir -p "$tools/bin"
if ! fresh "$tools/python.stamp" "$requirements" || [ ! -x "$tools/venv/bin/mcp-server-time" ] || [ ! -x "$tools/uv/bin/mcp-server-time" ]; then
  say "installing the pinned Python servers into .tools/venv"
  "$python" -m venv --clear "$tools/venv"
  "$tools/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps -r "$requirements"
  # For uvx, which wants an environment of its own, and asks nobody once it has it.
  UV_TOOL_DIR=$tools/uv UV_TOOL_BIN_DIR=$tools/uv/bin UV_NO_CACHE=1 "$tools/venv/bin/uv" tool install -q --force \
    --python "$tools/venv/bin/python" --constraints "$requirements" mcp-server-time
  stamp "$tools/python.stamp" "$requirements"
fi
for program in mcp-server-{fetch,git,time} uv uvx; do ln -sfn "$tools/venv/bin/$program" "$tools/bin/$program"; done
ln -sfn "$(readlink -f "$tools/venv/bin/python")" "$tools/bin/python3"
say "set up: $("$tools/venv/bin/python" --version) and the pinned Python servers"
