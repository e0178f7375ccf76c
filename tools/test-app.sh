#!/usr/bin/env bash
# Tests the transactions application: linters, types, and the whole test suite on real servers and on the built image.
# It installs what it needs itself: Debian packages (as root) and a virtualenv in the application's folder.
# Arguments go to pytest: tools/test-app.sh tests/unit -k cursor
set -euo pipefail
cd "$(dirname "$0")/../app/transactions"

missing=()
for need in /usr/sbin/mariadbd=mariadb-server /usr/bin/redis-server=redis-server /usr/bin/promtool=prometheus; do
  [ -x "${need%%=*}" ] || missing+=("${need##*=}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "test-app: install these Debian packages first: ${missing[*]}" >&2
    exit 1
  fi
  apt-get update -q
  # RUNLEVEL=1: the packages' own services stay off, for the tests start their own servers.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

stamp=.venv/.requirements
if ! cmp -s requirements-dev.txt "$stamp"; then
  [ -x .venv/bin/python ] || python3 -m venv .venv
  if [ -x .venv/bin/pip ]; then
    .venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
  else # made by uv, which puts no pip into it
    ../../.venv/bin/uv pip install -q --native-tls --python .venv/bin/python --require-hashes -r requirements-dev.txt
  fi
  cp requirements-dev.txt "$stamp"
fi

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
if [ $# -gt 0 ]; then
  exec .venv/bin/python -m pytest "$@"
fi
.venv/bin/python -m coverage erase
.venv/bin/python -m coverage run -m pytest
.venv/bin/python -m coverage combine -q
.venv/bin/python -m coverage report
