#!/usr/bin/env bash
# Runs the tests, all or the named stages: tools/test.sh [lint] [unit] [oracle] [molecule] [delivery]
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH

lint() { tools/lint.sh; }
unit() { pytest tests/unit; }
oracle() { pytest tests/oracle; }
delivery() { pytest tests/local tests/delivery; }

molecule_() {
    for scenario in molecule/*/molecule.yml; do
        molecule test -s "$(basename "$(dirname "$scenario")")"
    done
}

[ $# -gt 0 ] || set -- lint unit oracle molecule delivery
for stage in "$@"; do
    echo "== $stage"
    case $stage in
        lint | unit | oracle | delivery) "$stage" ;;
        molecule) molecule_ ;;
        *)
            echo "There is no stage $stage; there are lint, unit, oracle, molecule and delivery." >&2
            exit 2
            ;;
    esac
done
