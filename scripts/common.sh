# Sourced by the programs beside it: where things are, and how to build them.
# shellcheck shell=bash
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${KEYFOLD_BUILD:-$top/build}
# What ccache knows from one clone serves another.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$top} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}

say() { printf '== %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# compile PRESET TARGET...: configures and builds, in $build/PRESET. The compiler's output is shown on a terminal; elsewhere
# it is kept in $build/PRESET.log and its end shown if the build fails.
compile() {
  local preset=$1 dir=$build/$1 log=$build/$1.log begun=$SECONDS
  shift
  mkdir -p "$build"
  say "building $* (preset $preset)"
  if ! (cd "$top" && cmake --preset "$preset" -B "$dir") >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "cmake failed; the whole output is in $log"
  fi
  if [[ -t 2 ]]; then
    ninja -C "$dir" "$@" >&2 || die "the build failed"
  elif ! ninja -C "$dir" "$@" >>"$log" 2>&1; then
    tail -n 60 "$log" >&2
    die "the build failed; the whole output is in $log"
  fi
  say "built in $((SECONDS - begun)) s"
}

# wait_for_http URL SECONDS [PID]: until URL answers 2xx; fails when PID ends before.
wait_for_http() {
  local end=$((SECONDS + $2))
  until curl -fsS -m 5 -o /dev/null "$1" 2>/dev/null; do
    [[ -z ${3:-} ]] || kill -0 "$3" 2>/dev/null || return 1
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# The broker of the tests and benches can be had: Java and Maven are there.
have_broker() { command -v java >/dev/null && command -v mvn >/dev/null && command -v kcat >/dev/null; }
