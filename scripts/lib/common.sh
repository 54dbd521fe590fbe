# shellcheck shell=bash
# Sourced by every script here: where things are, how they speak, how they ask for root.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=$root/.tools            # what set-up fetches; git-ignored, safe to delete
jobs=${JOBS:-$(nproc)}
# Another clone finds in the cache what this one compiled: paths below the root count as relative ones.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

say() { printf '== %s\n' "$*"; }
warn() { printf '!! %s\n' "$*" >&2; }
die() { warn "$@"; exit 1; }

# apt_install PACKAGE...: installs what is absent; says which; a clear message where that is not possible.
apt_install() {
  local absent=() package
  command -v dpkg-query >/dev/null || { warn "this is no Debian: these packages' likes must be there: $*"; return 1; }
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || absent+=("$package")
  done
  [ ${#absent[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      as_root=(sudo)
    else
      warn "these packages are missing, and this user is neither root nor allowed to sudo. As root, run:"
      warn "  apt-get update && apt-get install -y --no-install-recommends ${absent[*]}"
      return 1
    fi
  fi
  say "installing by apt: ${absent[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${absent[@]}"
}

# fresh STAMP FILE...: true when STAMP holds the hash of these files, that is: nothing to do.
hash_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$(hash_of "${@:2}")" ]; }
stamp() { mkdir -p "$(dirname "$1")"; hash_of "${@:2}" >"$1"; }

# elapsed LABEL COMMAND...: runs it and says how long it took. Its status is the command's.
elapsed() {
  local label=$1 from=$SECONDS status=0; shift
  "$@" || status=$?
  say "$label: $((SECONDS - from)) s"
  return $status
}
