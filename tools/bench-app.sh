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

# The start of a container is measured where the local environment's engine runs; where it is not up, it is meanwhile.
fact() { .venv/bin/python -c 'import functools, json, sys
print(functools.reduce(dict.get, sys.argv[2:], json.load(open(sys.argv[1]))))' "$@"; }
play() { ansible-playbook -i inventories/local "playbooks/$1.yml" --limit transactions >/dev/null; }
engine() { fact .slipway/local/engine.json docker_host; }
is_up() { [ -f .slipway/local/engine.json ] && DOCKER_HOST=$(engine) docker info >/dev/null 2>&1; }
if ! is_up; then
    tools/bootstrap_machine.sh
    trap 'play local_down' EXIT
    play local_up
fi
play build
DOCKER_HOST=$(engine)
export DOCKER_HOST
image=$(fact .slipway/transactions-local/build.json images api)

(cd app/transactions && .venv/bin/python -m bench.run --image "$image" "$@")
