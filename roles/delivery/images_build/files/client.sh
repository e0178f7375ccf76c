#!/bin/sh
# Prints the Docker client to build with: the first that has BuildKit, built in (before 23) or as the plugin buildx.
for client in docker /usr/bin/docker /usr/local/bin/docker; do
    version=$("$client" version --format '{{.Client.Version}}' 2>/dev/null) || version=$("$client" --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p')
    [ -n "$version" ] || continue
    if [ "${version%%.*}" -lt 23 ] || "$client" buildx version >/dev/null 2>&1; then
        command -v "$client"
        exit 0
    fi
done
echo "No Docker client with BuildKit: install docker.io (Debian) or the plugin docker-buildx." >&2
exit 1
