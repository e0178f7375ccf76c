#!/usr/bin/env bash
# Prints where the local systems are reached, and how to look at their containers.
set -euo pipefail
cd "$(dirname "$0")/.."

value_of() { .venv/bin/python -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$@"; }

echo
for outputs in .slipway/*-local/outputs.json; do
    [ -e "$outputs" ] || continue
    echo "$(basename "$(dirname "$outputs")") is at $(value_of "$outputs" url)"
done
engine=${SLIPWAY_LOCAL_DIR:-.slipway/local}/engine.json
if [ -e "$engine" ]; then
    echo "Its containers: DOCKER_HOST=$(value_of "$engine" docker_host) docker ps"
fi
echo "Stop it with: make demo-down"
