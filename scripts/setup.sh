#!/usr/bin/env bash
# The compiler and the libraries, by apt, on Debian 12. Nothing to do: says so and takes no time.
. "$(dirname "$0")/lib/common.sh"

packages=(
  clang-19 lld-19 libclang-rt-19-dev libstdc++-12-dev cmake ninja-build pkg-config ccache git make tzdata
  libboost1.81-dev libsimdjson-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libsqlite3-dev
  libsqlitecpp-dev libyaml-cpp-dev libabsl-dev prometheus-cpp-dev libssl-dev libgtest-dev libgmock-dev
  libbenchmark-dev spin systemd dbus)
[ "${1:-}" = lint ] && packages=(clang-tidy-19 clang-format-19 "${packages[@]}")

if apt_install "${packages[@]}"; then
  say "set up: compiler and libraries are there (${#packages[@]} packages)"
else
  for tool in clang++-19 cmake ninja ccache; do
    command -v "$tool" >/dev/null || die "$tool is not there; docs/dependencies.md lists what a build needs."
  done
  warn "going on with the tools that are there; the build says what else is missing."
fi
