#!/bin/sh
# A light load on the cluster of compose.yaml: a short benchmark, a pause, and again, a bounded
# number of times.  STARLING_AUTH has the password.
set -u
nodes="node-1 node-2 node-3 node-4 node-5 node-6"
port=6379
rounds=60
pause_seconds=10

# As the first process of a container a shell ends only when it says so.
trap 'exit 0' TERM INT

state() {
    starling-cli -h "$1" -p $port CLUSTER INFO 2>/dev/null | tr -d '\r' |
        sed -n 's/^cluster_state://p'
}

# The first node that answers and sees the cluster as whole.
find_node() {
    for node in $nodes; do
        if [ "$(state "$node")" = ok ]; then
            echo "$node"
            return
        fi
    done
}

round=0
while [ $round -lt $rounds ]; do
    round=$((round + 1))
    node=$(find_node)
    if [ -z "$node" ]; then
        echo "load: round $round: no node sees the cluster as whole"
    elif starling-cli --bench --cluster -h "$node" -p $port -c 3 -n 3000 -r 10000 -d 32 -t set,get -q; then
        echo "load: round $round of $rounds, by way of $node"
    else
        echo "load: round $round failed, by way of $node"
    fi
    sleep $pause_seconds &
    wait $!
done
