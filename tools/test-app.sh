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
  # Nothing is started: the tests start their own servers.
  printf '#!/bin/sh\nexit 101\n' >/tmp/policy-rc.d.$$
  [ -e /usr/sbin/policy-rc.d ] || install -m 755 /tmp/policy-rc.d.$$ /usr/sbin/policy-rc.d
  rm -f /tmp/policy-rc.d.$$
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

stamp=.venv/.requirements
if ! cmp -s requirements-dev.txt "$stamp"; then
  python3 -m venv .venv
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
  cp requirements-dev.txt "$stamp"
fi

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
if [ $# -gt 0 ]; then
  exec .venv/bin/python -m pytest "$@"
fi
.venv/bin/python -m coverage erase
COVERAGE_PROCESS_START="$PWD/pyproject.toml" .venv/bin/python -m pytest --cov --cov-report=
.venv/bin/python -m coverage combine -q --append 2>/dev/null || true
.venv/bin/python -m coverage report
