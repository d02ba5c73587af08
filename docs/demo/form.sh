#!/bin/sh
# Form the cluster of compose.yaml, unless it is formed already.  STARLING_AUTH has the password.
set -u
nodes="node-1 node-2 node-3 node-4 node-5 node-6"
port=6379
wait_seconds=60

# As the first process of a container a shell ends only when it says so.
trap 'exit 1' TERM INT

known_nodes() {
    starling-cli -h "$1" -p $port CLUSTER INFO 2>/dev/null | tr -d '\r' |
        sed -n 's/^cluster_known_nodes://p'
}

blank=0
formed=0
addresses=
for node in $nodes; do
    tries=0
    until known=$(known_nodes "$node") && [ -n "$known" ]; do
        tries=$((tries + 1))
        if [ $tries -ge $wait_seconds ]; then
            echo "form: $node does not answer after $wait_seconds seconds; see its log" >&2
            exit 1
        fi
        sleep 1
    done
    if [ "$known" = 1 ]; then blank=$((blank + 1)); else formed=$((formed + 1)); fi
    addresses="$addresses $node:$port"
done

if [ $formed = 0 ]; then
    # shellcheck disable=SC2086  # one word per node is what is wanted
    starling-cli --cluster create $addresses --cluster-replicas 1 --cluster-yes || exit 1
elif [ $blank = 0 ]; then
    echo "form: the cluster is there already"
else
    echo "form: $blank of the 6 nodes know nothing of the cluster that the others are in." >&2
    echo "form: remove the volumes to begin again: docker compose -f docs/demo/compose.yaml down -v" >&2
    exit 1
fi
exec starling-cli --cluster wait node-1:$port --cluster-timeout $wait_seconds
