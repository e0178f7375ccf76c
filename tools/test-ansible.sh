#!/usr/bin/env bash
# Tests the engine with each version of ansible-core that it works with, on the Python that `all` names beside it:
#   tools/test-ansible.sh [VERSION | VERSION@PYTHON]... [unit | oracle | cases]...
#   tools/test-ansible.sh 2.21 unit oracle      tools/test-ansible.sh 2.19@3.13
# A version whose Python is not here is left out, and the end says so. `cases` are those of roles/compare.py in the
# folder that SLIPWAY_SHARED names; they must end as with the oldest version. A failure leaves the others to run.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
unset PYTHONDONTWRITEBYTECODE
all=(2.19@3.11 2.20@3.12 2.21@3.13 2.22@3.13)
oldest=2.19
workers=${WORKERS:-2}
folder=$root/.slipway/test-ansible
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=()
failed=0

say() { summary+=("$*"); }

# An interpreter of a version, Debian's own first: a shim of a version manager may be there without its interpreter.
python_of() {
    local candidate
    for candidate in "/usr/bin/python$1" "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Makes the virtualenv of a version on a Python and says where it is.
environment_of() {
    local version=$1 python=$2 place=$folder/$1-$2 interpreter
    interpreter=$(python_of "$python") || return 1
    if ! cmp -s "requirements/ansible-$version.txt" "$place/.venv/requirements.txt"; then
        rm -rf "$place"
        mkdir -p "$place"
        "$interpreter" -m venv --without-pip "$place/.venv"
        tools/uv_install.sh "$place/.venv/bin/python" "requirements/ansible-$version.txt" >&2
        cp "requirements/ansible-$version.txt" "$place/.venv/requirements.txt"
        # What looks for a checkout with a virtualenv finds one.
        ln -s "$root/collections" "$place/collections"
    fi
    echo "$place"
}

unit() { "$1/.venv/bin/python" -m pytest -q -n "$workers" --dist loadfile tests/unit/graph; }
oracle() { "$1/.venv/bin/python" -m pytest -q -n "$workers" --dist loadfile tests/oracle; }

# How each case ends; with the oldest version once for each run of this script.
verdicts() {
    "$1/.venv/bin/python" "$SLIPWAY_SHARED/cases/roles/compare.py" "$1" | tee "$2" |
        sed -nE 's/^(same|refused|DIFFER) +([^ ]+).*/\1 \2/p'
}

cases() {
    local place=$1 first
    if [ ! -e "$logs/first" ]; then
        first=$(environment_of "$oldest" "${pythons[$oldest]}") || first=$place
        verdicts "$first" "$logs/first-all" >"$logs/first" || true
        tail -n 1 "$logs/first-all"
        [ "$first" != "$place" ] || return 0
    fi
    verdicts "$place" "$logs/now-all" >"$logs/now" || true
    tail -n 1 "$logs/now-all"
    diff "$logs/first" "$logs/now"
}

declare -A pythons
for each in "${all[@]}"; do
    pythons[${each%@*}]=${each#*@}
done
asked=() stages=()
for argument in "$@"; do
    case $argument in
        unit | oracle | cases) stages+=("$argument") ;;
        *)
            version=${argument%@*}
            if [ -z "${pythons[$version]:-}" ]; then
                echo "There is no stage or version $argument; there are unit, oracle, cases, ${all[*]%@*}." >&2
                exit 2
            fi
            [[ $argument == *@* ]] || argument+=@${pythons[$version]}
            asked+=("$argument")
            ;;
    esac
done
((${#asked[@]})) || asked=("${all[@]}")
((${#stages[@]})) || stages=(unit oracle cases)

for each in "${asked[@]}"; do
    version=${each%@*} python=${each#*@}
    if ! place=$(environment_of "$version" "$python"); then
        say "ansible-core $version: left out, there is no Python $python here"
        continue
    fi
    there=$("$place/.venv/bin/python" tools/ansible_versions.py)
    for stage in "${stages[@]}"; do
        if [ "$stage" = cases ] && [ ! -f "${SLIPWAY_SHARED:-}/cases/roles/compare.py" ]; then
            say "$there: cases left out, SLIPWAY_SHARED names no folder that has them"
            continue
        fi
        echo "== $there: $stage"
        began=$SECONDS
        if PATH=$place/.venv/bin:$PATH "$stage" "$place"; then
            say "$there: $stage passed in $((SECONDS - began)) s"
        else
            say "$there: $stage FAILED in $((SECONDS - began)) s"
            failed=1
        fi
    done
done
echo "== Summary"
printf '%s\n' "${summary[@]}"
exit "$failed"
