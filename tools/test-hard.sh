#!/usr/bin/env bash
# The contract of roles through a proxy that does what AWS does and emulators do not:
#   tools/test-hard.sh [ROLE...]
# All roles unless some are named. SLIPWAY_HARD says with which behaviours: all unless told; tests/support/hard has them.
set -euo pipefail
cd "$(dirname "$0")/.."
export SLIPWAY_HARD=${SLIPWAY_HARD:-all}
roles=("$@")
if ((!${#roles[@]})); then
    mapfile -t roles < <(printf '%s\n' molecule/*/molecule.yml | xargs -n 1 dirname | xargs -n 1 basename |
        grep -vx default)
fi
tools/test-roles.sh "${roles[@]}"
