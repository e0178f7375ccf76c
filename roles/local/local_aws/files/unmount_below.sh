#!/bin/sh
# Unmounts everything below the given folders, the innermost first, and prints what it was: unmount_below.sh FOLDER...
set -eu
for folder; do
    awk -v folder="$folder/" 'index($2 "/", folder) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do
        umount "$mount"
        echo "$mount"
    done
done
