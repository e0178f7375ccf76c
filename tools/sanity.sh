#!/usr/bin/env bash
# Runs ansible-test's sanity tests over slipway.aws and slipway.graph, each by its own name.
# Arguments go to ansible-test: tools/sanity.sh --test validate-modules
#
# No test is left out by this script. `pslint` needs PowerShell, and there is no PowerShell code in the
# collections: ansible-test itself passes over it where `pwsh` is not installed, and says so.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$("$root/.venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ansible_test="$root/.venv/bin/ansible-test"

# ansible-test keeps a virtualenv per test under HOME. It installs pip there with a script that it downloads
# from a host of the Ansible project; the copy below does the same from the package index, so that nothing
# but the index has to be reachable. A home of its own keeps both away from the user's other projects.
export HOME="$root/.ansible/sanity-home"
cache="$HOME/.ansible/test/cache"
mkdir -p "$cache"
for version in 24.2; do
  cat > "$cache/get_pip_${version//./_}.py" <<'PY'
import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", *packages], check=True)
PY
done

# The modules' documentation takes fragments from amazon.aws, which ansible-test only finds beside the collection
# it tests. So the tests run on a copy of the files that git knows, in a tree that also has amazon.aws. It is outside the
# checkout, because ansible-test asks git for the files where there is one, and git ignores such a tree.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree="$work/ansible_collections"
mkdir -p "$tree/slipway"
installed=$("$root/.venv/bin/python" -c 'import ansible_collections.amazon as a; print(list(a.__path__)[0])')
ln -s "$installed" "$tree/amazon"

# slipway.aws imports from slipway.graph.
for collection in aws graph; do
  mkdir "$tree/slipway/$collection"
  (cd "$root/collections/ansible_collections/slipway/$collection" &&
    git ls-files -z --cached --others --exclude-standard . |
    xargs -0 cp --parents -t "$tree/slipway/$collection")
done

failed=()
for collection in aws graph; do
  echo "== ansible-test sanity: slipway.$collection"
  (cd "$tree/slipway/$collection" && PATH="$root/.venv/bin:$PATH" \
    "$ansible_test" sanity --python "$python" --color no "$@") || failed+=("slipway.$collection")
done
if ((${#failed[@]})); then
  echo "ansible-test sanity FAILED: ${failed[*]}" >&2
  exit 1
fi
echo "ansible-test sanity passed"
