#!/usr/bin/env bash
# Measures converge against plain Ansible and Mitogen; bench/README.md says what and how.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m bench.run "$@"
