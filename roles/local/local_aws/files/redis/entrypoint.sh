#!/bin/bash
# Options alone start the server, and it does not run as root, as in the official image.
set -euo pipefail
[ "${1#-}" = "${1:-}" ] || set -- redis-server "$@"
if [ "$1" = redis-server ]; then
    shift
    exec setpriv --reuid=redis --regid=redis --init-groups redis-server --protected-mode no --bind 0.0.0.0 "$@"
fi
exec "$@"
