#!/usr/bin/env bash
# Tests the applications, all or the named one, on real servers or an emulator; tools/lint.sh lints them.
# With .venv there (make .venv), it installs what they need: Debian packages (as root) and each application's virtualenv.
#   tools/test-app.sh [APPLICATION [pytest's arguments]]        tools/test-app.sh transactions tests/unit -k cursor
set -euo pipefail
cd "$(dirname "$0")/../app"

# What an application's tests start: a program, and the Debian package that brings it.
install_packages() {
  [ -f tests/debian.txt ] || return 0
  local missing=() program package
  while read -r program package; do
    [ -x "$program" ] || missing+=("$package")
  done <tests/debian.txt
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "test-app: install these Debian packages first: ${missing[*]}" >&2
    return 1
  fi
  apt-get update -q
  # RUNLEVEL=1: the packages' own services stay off, for the tests start their own servers.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

run_tests() {
  if [ $# -gt 0 ]; then
    .venv/bin/python -m pytest "$@"
    return
  fi
  .venv/bin/python -m coverage erase
  .venv/bin/python -m coverage run -m pytest
  .venv/bin/python -m coverage combine -q
  .venv/bin/python -m coverage report
}

applications=()
for folder in */requirements-dev.txt; do
  applications+=("${folder%/*}")
done
if [ $# -gt 0 ]; then
  if [[ ! " ${applications[*]} " == *" $1 "* ]]; then
    echo "There is no application $1; there are ${applications[*]}." >&2
    exit 2
  fi
  applications=("$1")
  shift
fi
for application in "${applications[@]}"; do
  echo "== $application"
  cd "$application"
  install_packages
  ../../tools/app_venv.sh "$application"
  run_tests "$@"
  cd ..
done
