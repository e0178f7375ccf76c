#!/usr/bin/env bash
# Makes app/APPLICATION/.venv, or brings it up to date: tools/app_venv.sh APPLICATION
# Who comes while another makes it waits for that.
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
cd "$tools/../app/$1"
exec 9<requirements-dev.txt
flock 9
! cmp -s requirements-dev.txt .venv/.requirements || exit 0
[ -x .venv/bin/python ] || "$tools/../.venv/bin/python" -m venv --without-pip .venv
"$tools/uv_install.sh" .venv/bin/python requirements-dev.txt
cp requirements-dev.txt .venv/.requirements
