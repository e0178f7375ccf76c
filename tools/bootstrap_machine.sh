#!/usr/bin/env bash
# Sees to it that this machine has what the local environment needs, and with `test` what the tests need besides:
#   tools/bootstrap_machine.sh [PYTHON] [test]
# On Debian and its relatives, as root, missing packages are installed; elsewhere it says what to install.
set -euo pipefail
python=${1:-python3.11} purpose=${2:-}
export PATH=$PATH:/usr/sbin:/sbin

# Prints the Debian packages that are missing, by the programs that they bring.
missing_packages() {
    local wanted=(git:git)
    if [ "$purpose" = test ]; then
        wanted+=(chromium:chromium chromium-driver:chromedriver)
    fi
    # A Docker engine that answers is enough; else there will be a private one.
    if ! docker version >/dev/null 2>&1; then
        wanted+=(docker.io:dockerd iptables:iptables iproute2:ip mmdebstrap:mmdebstrap)
    fi
    for pair in "${wanted[@]}"; do
        command -v "${pair#*:}" >/dev/null || echo "${pair%%:*}"
    done
    "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "${python##*/}-venv"
}

missing=$(missing_packages | tr '\n' ' ')
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian packages: $missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # one argument for each package
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=$(missing_packages | tr '\n' ' ')
    [ -n "$missing" ] || exit 0
    echo "Still missing after installation: $missing" >&2
    exit 1
fi

cat >&2 <<MESSAGE
This machine lacks: $missing
- On Debian 12 or Ubuntu, as root: apt-get install $missing
- Elsewhere: Python 3.11 with venv, git, and Docker, which must answer to \`docker version\`.
  On Debian as root a private Docker engine is started where none answers.
  The tests also need Chromium and its driver, as \`chromium\` and \`chromedriver\`.
MESSAGE
exit 1
