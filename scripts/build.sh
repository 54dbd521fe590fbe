#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures when needed and builds. A failure says which build failed and where to look.
. "$(dirname "$0")/lib/common.sh"
preset=$1; shift
cd "$root"
if ! cmake --preset "$preset" >"$root/.configure.log" 2>&1; then
  cat "$root/.configure.log" >&2
  die "configuring '$preset' failed (above). 'make setup' installs what a build needs; 'make clean' starts over."
fi
rm -f "$root/.configure.log"
targets=(); [ $# -gt 0 ] && targets=(--target "$@")
say "building $preset ($jobs at a time${*:+: $*})"
cmake --build "build/$preset" -j "$jobs" "${targets[@]}" || die "building '$preset' failed: the first error is above."
if [ "$preset" = release ]; then
  mkdir -p bin
  for program in holdfast holdfast-gateway holdfast-keeper; do
    [ -x "build/release/bin/$program" ] && install -m 755 "build/release/bin/$program" "bin/$program"
  done
  say "bin/holdfast is ready, with holdfast-gateway and holdfast-keeper beside it"
fi
