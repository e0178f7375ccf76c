#!/usr/bin/env bash
# What every minute of work is checked by, in a few minutes: every linter, the types, and the unit tests of what has
# changed since the upstream's main (tools/changed_tests.py); where nothing has changed, all unit tests.
#   tools/check.sh [BASE]    with what has changed since the commit BASE
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
unset PYTHONDONTWRITEBYTECODE
mapfile -t tests < <(tools/changed_tests.py "$@")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# One core each: lint waits for nothing, and half of the tests' time is Ansible's.
tools/lint.sh >"$log" 2>&1 &
lint=$!
trap 'kill "$lint" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
echo "== unit tests: ${tests[*]}"
failed=0
pytest -q -n 2 --dist loadfile "${tests[@]}" || failed=1
wait "$lint" || failed=1
cat "$log"
exit "$failed"
