#!/usr/bin/env bash
# Runs the tests, all or the named stages:
#   tools/test.sh [lint] [sanity] [unit] [app] [oracle] [molecule] [faults] [delivery]
# Stops at the first stage that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
# Hundreds of short runs of Ansible: without kept bytecode each of them compiles all it imports.
unset PYTHONDONTWRITEBYTECODE
all=(lint sanity unit app oracle molecule faults delivery)

lint() { tools/lint.sh; }
sanity() { tools/sanity.sh; }
unit() { pytest -n 2 --dist loadfile tests/unit tests/local; }
app() { tools/test-app.sh; }
oracle() { pytest -n 2 --dist loadfile tests/oracle; }
faults() { pytest -n 2 tests/faults; }
delivery() { pytest tests/delivery; }

# Three scenarios at a time: half of each is waiting. A scenario's output is shown when it fails.
molecule_() (
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
    export logs
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\n' molecule/*/molecule.yml | xargs -n 1 dirname | xargs -n 1 basename |
        xargs -n 1 -P 3 bash -c '
            if molecule test -s "$1" >"$logs/$1" 2>&1; then
                echo "molecule $1: passed"
            else
                cat "$logs/$1"
                echo "molecule $1: failed"
                exit 1
            fi' scenario
)

# Three rows of stages beside each other: each of them waits for much of its time. Delivery, which takes longest, goes
# first whenever it has something to do. The first row is shown as it goes, the others when they have ended, and what
# failed once more at the very end, where a CI's short record of a long run has it.
all_stages() (
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
    # Each in a process group of its own, or they would ignore Ctrl-C, which is passed on for them to tidy up.
    set -m
    tools/test.sh delivery >"$logs/delivery" 2>&1 &
    delivery=$!
    nice tools/test.sh app molecule oracle >"$logs/app" 2>&1 &
    app=$!
    set +m
    trap 'kill -INT -- "-$delivery" "-$app" 2>/dev/null; wait; exit 130' INT TERM
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
