#!/usr/bin/env bash
# Prints where the local systems are reached.
set -euo pipefail
cd "$(dirname "$0")/.."
for outputs in .slipway/*-local/outputs.json; do
    [ -e "$outputs" ] || continue
    system=$(basename "$(dirname "$outputs")")
    printf '\n%s is at %s\n' "$system" "$(.venv/bin/python -c 'import json, sys; print(json.load(open(sys.argv[1]))["url"])' "$outputs")"
done
echo "Stop it with: make demo-down"
