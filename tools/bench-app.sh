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
tools/test-app.sh transactions --collect-only -q >/dev/null # installs what the application needs

# The start of a container is measured where the local environment's engine runs.
fact() { .venv/bin/python -c 'import functools, json, sys
print(functools.reduce(dict.get, sys.argv[2:], json.load(open(sys.argv[1]))))' "$@"; }
arguments=()
if [ -f .slipway/local/engine.json ]; then
    DOCKER_HOST=$(fact .slipway/local/engine.json docker_host)
    export DOCKER_HOST
    if docker info >/dev/null 2>&1; then
        ansible-playbook -i inventories/local playbooks/build.yml >/dev/null
        arguments=(--image "$(fact .slipway/transactions-local/build.json images api)")
    fi
fi
[ "${#arguments[@]}" -gt 0 ] || echo "bench-app: no engine runs, so no container is started; make demo starts one" >&2

cd app/transactions
exec .venv/bin/python -m bench.run "${arguments[@]}" "$@"
