#!/usr/bin/env bash
# The contract of roles, by molecule: tools/test-roles.sh [ROLE...]
# All roles unless some are named. With SLIPWAY_HARD=all, or the names of some behaviours, through a proxy that does what
# AWS does and emulators do not; see tests/support/hard.
# With as many rows as WORKERS says (2 unless told): the scenarios of a row run one after the other on the same emulators.
# The output of a row is shown when it fails.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
unset PYTHONDONTWRITEBYTECODE
workers=${WORKERS:-2}
names=("$@")
if ((!${#names[@]})); then
    mapfile -t names < <(printf '%s\n' molecule/*/molecule.yml | xargs -n 1 dirname | xargs -n 1 basename |
        grep -vx default)
fi
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

row() {
    if MOLECULE_EPHEMERAL_DIRECTORY=$logs/$1 molecule test --shared-state "${@:2}" >"$logs/$1.log" 2>&1; then
        echo "molecule test ${*:2}: passed"
    else
        cat "$logs/$1.log"
        echo "molecule test ${*:2}: failed"
        return 1
    fi
}

rows=()
for ((number = 0; number < workers; number++)); do
    scenarios=()
    for ((each = number; each < ${#names[@]}; each += workers)); do
        scenarios+=(-s "${names[each]}")
    done
    ((${#scenarios[@]})) || continue
    row "row$number" "${scenarios[@]}" &
    rows+=($!)
done
failed=0
for each in "${rows[@]}"; do
    wait "$each" || failed=1
done
exit "$failed"
