#!/usr/bin/env bash
# Installs hashed requirements into .venv: tools/install.sh PYTHON requirements/uv.txt FILE...
# pip installs uv, which installs the rest in a fraction of pip's time.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 installer=$2
shift 2

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$installer"

tools/uv_install.sh .venv/bin/python "$@"
