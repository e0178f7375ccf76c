#!/bin/sh
# The private engine's bridge: engine_network.sh up BRIDGE FILE ADDRESS/PREFIX..., engine_network.sh down BRIDGE FILE
# `up` gives it the first of the addresses that no other interface has, and remembers how forwarding was before the first
# engine of this machine; `down` of the last one leaves the machine as it was found. FILE says that this bridge is up.
set -eu
verb=$1 bridge=$2 mark=$3
shift 3
PATH=$PATH:/usr/sbin:/sbin
# Where there was no private engine there need be no root either.
[ "$verb" != down ] || [ -e "$mark" ] || exit 0
# Environments that start or stop at the same time choose one after the other.
exec 9>/run/slipway-network.lock
flock 9
before=/run/slipway-network.before

address_of() { ip -4 -o address show dev "$bridge" 2>/dev/null | sed -n 's/.* inet \([^ ]*\).*/\1/p'; }
taken() { ip -4 -o address show | grep -vF " $bridge " | grep -qF " $1 "; }

up() {
    [ -e "$before" ] || printf 'forwarding=%s\npolicy=%s\n' \
        "$(cat /proc/sys/net/ipv4/ip_forward)" "$(iptables -w -S FORWARD | sed -n 's/^-P FORWARD //p')" >"$before"
    touch "$mark"
    [ -e "/sys/class/net/$bridge" ] || ip link add name "$bridge" type bridge
    ip link set "$bridge" up
    [ -z "$(address_of)" ] || return 0
    for address; do
        if ! taken "$address"; then
            ip address add "$address" dev "$bridge"
            return 0
        fi
    done
    echo "each of these networks is taken: $*" >&2
    return 1
}

# One by one: another engine may add its own meanwhile.
drop_rules() {
    for table in filter nat; do
        iptables-save -t "$table" | grep -e '^-A' | grep -e "$1" | sed 's/^-A/-D/' | while read -r rule; do
            eval "iptables -w -t $table $rule" || : # gone meanwhile
        done
    done
}

drop_chains() {
    drop_rules ' DOCKER'
    for table in filter nat; do
        for chain in $(iptables-save -t "$table" | sed -n 's/^:\(DOCKER[^ ]*\) .*/\1/p'); do
            iptables -w -t "$table" -F "$chain"
            iptables -w -t "$table" -X "$chain"
        done
    done
}

# Each engine lets what is on its bridge talk to each other.
other_engine() {
    for other in $(iptables -w -S FORWARD | sed -n 's/.* -i \([^ ]*\) -o \1 -j ACCEPT$/\1/p'); do
        [ ! -e "/sys/class/net/$other" ] || return 0
    done
    return 1
}

down() {
    subnet=$(address_of | sed 's/[0-9]*\/.*//')
    drop_rules " $bridge\\b${subnet:+\\| $subnet}"
    [ ! -e "/sys/class/net/$bridge" ] || ip link delete "$bridge"
    # After a restart of the machine there is nothing to put back.
    if [ -e "$before" ] && ! other_engine; then
        drop_chains
        . "$before"
        iptables -w -P FORWARD "$policy"
        echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
        rm "$before"
    fi
    rm "$mark"
    echo removed
}

"$verb" "$@"
