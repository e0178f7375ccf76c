#!/usr/bin/env bash
# Installs hashed requirements into the virtualenv of a Python: tools/uv_install.sh PYTHON FILE...
set -euo pipefail
python=$1 own=$(dirname "$0")/../.venv/bin
shift

# uv does not read pip's configuration: an index and certificates of this machine are handed on.
if index=$("$own/python" -m pip config get global.index-url 2>/dev/null); then
    export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
fi
arguments=()
for file in "$@"; do
    arguments+=(-r "$file")
done
"$own/uv" pip install --quiet --native-tls --python "$python" --require-hashes "${arguments[@]}"
