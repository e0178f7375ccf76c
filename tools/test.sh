#!/usr/bin/env bash
# Runs the tests, all or the named stages:
#   tools/test.sh [lint] [sanity] [unit] [app] [oracle] [molecule] [hard] [faults] [delivery]
# Stops at the first stage that fails. WORKERS says how much of a stage runs side by side: 2 unless told.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
# Hundreds of short runs of Ansible: without kept bytecode each of them compiles all it imports.
unset PYTHONDONTWRITEBYTECODE
all=(lint sanity unit app oracle molecule hard faults delivery)
workers=${WORKERS:-2}

lint() { tools/lint.sh; }
sanity() { tools/sanity.sh; }
unit() { pytest -n "$workers" --dist loadfile tests/unit tests/local; }
app() { tools/test-app.sh; }
oracle() { pytest -n "$workers" --dist loadfile tests/oracle; }
faults() { pytest -n "$workers" tests/faults; }
# It waits for most of its time.
hard() { SLIPWAY_HARD=${SLIPWAY_HARD:-all} WORKERS=$((workers * 4)) tools/test-roles.sh; }
delivery() { pytest tests/delivery; }

# One scenario by itself, as one would run it, then the others.
molecule_() (
    alone=$(mktemp -d)
    trap 'rm -rf "$alone"' EXIT
    if ! MOLECULE_EPHEMERAL_DIRECTORY=$alone/scenario molecule test -s vpc >"$alone/log" 2>&1; then
        cat "$alone/log"
        echo "molecule test -s vpc: failed"
        exit 1
    fi
    echo "molecule test -s vpc: passed"
    mapfile -t names < <(printf '%s\n' molecule/*/molecule.yml | xargs -n 1 dirname | xargs -n 1 basename |
        grep -vxE 'default|vpc')
    WORKERS=$workers tools/test-roles.sh "${names[@]}"
)

# Three rows of stages beside each other: each of them waits for much of its time. Delivery takes longest and waits most,
# so the others are nice, and one of them has one worker. The row with two workers is shown as it goes, the others when
# they have ended, and what failed once more at the very end, where a CI's short record of a long run has it.
all_stages() (
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
    # Each in a process group of its own, or they would ignore Ctrl-C, which is passed on once for them to tidy up.
    set -m
    tools/test.sh delivery >"$logs/delivery" 2>&1 &
    delivery=$!
    WORKERS=1 nice tools/test.sh app molecule oracle hard >"$logs/app" 2>&1 &
    app=$!
    set +m
    trap 'trap "" INT TERM; kill -INT -- "-$delivery" "-$app" 2>/dev/null; wait; exit 130' INT TERM
    failed=""
    nice tools/test.sh lint sanity unit faults 2>&1 | tee "$logs/lint" || failed="lint"
    wait "$app" || failed="$failed app"
    cat "$logs/app"
    wait "$delivery" || failed="$failed delivery"
    cat "$logs/delivery"
    for row in $failed; do
        echo "== A stage FAILED; the end of its output:"
        tail -n 80 "$logs/$row"
    done
    [ -z "$failed" ]
)

if [ $# -eq 0 ]; then
    all_stages
    exit
fi
for stage in "$@"; do
    if [[ ! " ${all[*]} " == *" $stage "* ]]; then
        echo "There is no stage $stage; there are ${all[*]}." >&2
        exit 2
    fi
done
for stage in "$@"; do
    echo "== $stage"
    TIMEFORMAT="== $stage: %0R s, of which %0U s and %0S s of CPU"
    time if [ "$stage" = molecule ]; then molecule_; else "$stage"; fi
    echo "== $stage passed"
done
