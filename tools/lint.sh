#!/usr/bin/env bash
# Every linter over the whole repository. Runs all of them, then says which failed.
# With arguments only those whose name begins with one of them: tools/lint.sh ruff mypy
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
only=("$@")
failed=()

lint() {
  local name=$1
  shift
  wanted "$name" || return 0
  echo "== $name: $*"
  "$@" || failed+=("$name")
}

wanted() {
  ((${#only[@]})) || return 0
  local prefix
  for prefix in "${only[@]}"; do
    [[ $1 == "$prefix"* ]] && return 0
  done
  return 1
}

dockerfiles() {
  git ls-files --cached --others --exclude-standard -z -- '*Dockerfile' | xargs -0 hadolint
}

# Tests plant values that look like passwords, so there only the formats of real keys and high entropy count.
secrets() {
  local baseline planted failed=0
  planted='(^|/)tests/|^molecule/|^\.config/molecule/'
  baseline=$(mktemp)
  cp .secrets.baseline "$baseline"
  scanned_files | grep -zvE "$planted" | look_for_secrets --baseline "$baseline" || failed=1
  scanned_files | grep -zE "$planted" | look_for_secrets --disable-plugin KeywordDetector || failed=1
  rm -f "$baseline"
  return "$failed"
}

# detect-secrets ends with 3 where only line numbers moved, and writes them into its baseline; that is no finding.
look_for_secrets() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  xargs -0 sh -c 'found=$(detect-secrets-hook "$@") || [ $? = 3 ] || { echo "$found"; exit 1; }' _ "$@"
}

scanned_files() {
  git ls-files --cached --others --exclude-standard -z -- \
    ':!requirements/*.txt' ':!app/*/requirements*.txt' ':!.secrets.baseline' |
    while IFS= read -r -d '' file; do [ -f "$file" ] && printf '%s\0' "$file"; done
}

# Each application has requirements of its own, so mypy sees it from a virtualenv of its own.
types_of_apps() {
  local app
  for app in app/*/; do
    tools/app_venv.sh "$(basename "$app")" && (cd "$app" && .venv/bin/mypy) || return 1
  done
}

# Checks the syntax of every playbook, too.
lint ansible-lint ansible-lint
lint yamllint yamllint --strict .
lint ruff-check ruff check --quiet .
lint ruff-format ruff format --quiet --check .
lint mypy-engine mypy collections/ansible_collections/slipway
lint mypy-tools mypy tools tests bench
lint mypy-apps types_of_apps
lint hadolint dockerfiles
lint actionlint actionlint
lint zizmor zizmor --offline --quiet --persona auditor .github
lint secrets secrets
lint readmes python tools/role_readme.py --check

if ((${#failed[@]})); then
  echo "lint FAILED: ${failed[*]}" >&2
  exit 1
fi
echo "lint passed"
