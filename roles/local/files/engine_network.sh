#!/bin/sh
# The private engine's bridge: engine_network.sh up BRIDGE ADDRESS/PREFIX FILE, engine_network.sh down BRIDGE FILE
# FILE remembers how forwarding was set before, so that `down` leaves the machine as `up` found it.
set -eu
verb=$1 bridge=$2
PATH=$PATH:/usr/sbin:/sbin

forwarding() { cat /proc/sys/net/ipv4/ip_forward; }
forward_policy() { iptables -S FORWARD | sed -n 's/^-P FORWARD //p'; }

up() {
    [ -e "$2" ] || printf 'forwarding=%s\npolicy=%s\n' "$(forwarding)" "$(forward_policy)" >"$2"
    [ -e "/sys/class/net/$bridge" ] || ip link add name "$bridge" type bridge
    ip address replace "$1" dev "$bridge"
    ip link set "$bridge" up
}

# Keeps the rules that do not match, in one step.
drop_rules() {
    for table in filter nat; do
        iptables-save -t "$table" | grep -v -e "$1" | iptables-restore -T "$table"
    done
}

other_engine() { iptables -S DOCKER-ISOLATION-STAGE-1 2>/dev/null | grep -q -e ' -i '; }

down() {
    [ -e "$1" ] || exit 0
    subnet=$(ip -4 -o address show dev "$bridge" 2>/dev/null | sed -n 's/.* inet \([0-9]*\.[0-9]*\.[0-9]*\.\).*/\1/p')
    drop_rules " $bridge\\b${subnet:+\\| $subnet}"
    [ ! -e "/sys/class/net/$bridge" ] || ip link delete "$bridge"
    if ! other_engine; then
        drop_rules DOCKER
        . "$1"
        iptables -P FORWARD "$policy"
        echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
    fi
    rm "$1"
    echo removed
}

shift 2
"$verb" "$@"
