#!/usr/bin/env bash
# check.sh holds CLAIM | fails CLAIM MUTANT
# One verification of docs/model/custody.pml by spin. CLAIM is one of its ltl claims, or `ends`: no assertion fails,
# no process stands still elsewhere than it may, and no statement is out of reach. MUTANT is one of its macros: with it the
# claim has to fail, and by itself, not by an assertion of the model. CC names the C compiler.
set -euo pipefail
verdict=$1 claim=$2 mutant=${3:-}
model=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs/model" && pwd)/custody.pml
compiler=${CC:-cc}

if ! command -v spin >/dev/null; then
  echo "docs/model: Skipped"
  echo "spin is not installed (scripts/setup.sh says which package): the model was not checked"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

macros=() build=(-DSAFETY) search=()
case $claim in
  gone) macros=(-DLIVENESS) build=(-DNFAIR=3) search=(-a -f -N gone) ;;
  ends) build=(-DSAFETY -DNOCLAIM) ;;
  *) search=(-N "$claim") ;;
esac
[ -n "$mutant" ] && macros+=("-D$mutant")

spin -P"$compiler -E -x c" ${macros[@]+"${macros[@]}"} -a "$model" >translation || { cat translation; exit 1; }
"$compiler" -w -DMEMLIM=900 "${build[@]}" -o pan pan.c
./pan -m100000 ${search[@]+"${search[@]}"} >report 2>&1 || { cat report; exit 1; }

wrong() {
  cat report
  echo "$claim ${mutant:+under $mutant}: $1"
  exit 1
}
found=$(sed -n 's/^pan:1: //p' report)
if [ "$verdict" = holds ]; then
  grep -q 'errors: 0$' report && [ -z "$found" ] || wrong "it does not hold"
  ! grep -q 'Search not completed\|max search depth too small' report || wrong "the search was cut off"
  if [ "$claim" = ends ]; then
    ! sed -n '/^unreached in proctype/,/states)$/p' report | grep 'state [0-9]' | grep -v '"-end-"' ||
      wrong "a statement that nothing reaches says nothing"
  fi
else
  # A claim about every state is an assertion of its own process, about `!( !(...))`.
  case $claim in
    gone) expected='acceptance cycle*' ;;
    ends) expected='assertion violated ((state!=*' ;;
    *) expected='assertion violated  !( !(*' ;;
  esac
  # shellcheck disable=SC2254
  case $found in
    $expected) ;;
    *) wrong "it was to fail with '$expected', and did with '$found'" ;;
  esac
fi
grep 'states, stored' report
echo "$claim ${mutant:+under $mutant}: $verdict, as it should"
