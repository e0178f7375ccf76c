#!/usr/bin/env bash
# Installs hashed requirements into .venv: tools/install.sh PYTHON requirements/uv.txt FILE...
# pip installs uv, which installs the rest in a fraction of pip's time.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 installer=$2
shift 2

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$installer"

# uv does not read pip's configuration: an index and certificates of this machine are handed on.
if index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null); then
    export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
fi
arguments=()
for file in "$@"; do
    arguments+=(-r "$file")
done
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet --native-tls --require-hashes "${arguments[@]}"
