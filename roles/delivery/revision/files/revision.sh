#!/bin/sh
# What builds are called: the commit, and where the given folders differ from it, a digest of the difference.
# Second line: when that commit was made, so that building it again gives the same.
# Third line: where the checkout came from, without anyone's credentials.
set -eu
commit=$(git rev-parse --short=12 HEAD)
difference=$(
    git diff --binary HEAD -- "$@"
    git ls-files -z --others --exclude-standard -- "$@" | sort -z | xargs -0r sha256sum
)
if [ -n "$difference" ]; then
    commit=$commit-dirty-$(printf '%s' "$difference" | sha256sum | cut -c1-8)
fi
echo "$commit"
git show --no-patch --format=%cI HEAD
git remote get-url origin 2>/dev/null | sed 's#://[^/]*@#://#' || true
