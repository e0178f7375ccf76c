#!/usr/bin/env bash
# Measures the transactions application on real servers and prints its figures; ends with 1 if a bound is not kept.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH

for program in wrk curl; do
    command -v "$program" >/dev/null && continue
    [ "$(id -u)" = 0 ] || { echo "bench-app: install the Debian package $program first" >&2; exit 1; }
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$program" >/dev/null
done
tools/test-app.sh --collect-only -q >/dev/null # installs what the application needs
cd app/transactions
exec .venv/bin/python -m bench.run
