#!/usr/bin/env bash
# The contract of roles through a proxy that does what AWS does and emulators do not:
#   tools/test-hard.sh [ROLE...]
# SLIPWAY_HARD says with which behaviours: all unless told; see tests/support/hard.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH SLIPWAY_HARD=${SLIPWAY_HARD:-all}
unset PYTHONDONTWRITEBYTECODE
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export MOLECULE_EPHEMERAL_DIRECTORY=$scratch
for role in "$@"; do
    molecule test -s "$role"
done
