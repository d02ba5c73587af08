#!/bin/bash
# The cluster on this machine behind `make cluster`, `make cluster-stop` and `make cluster-clean`:
# three primaries and three replicas on loopback, data in run/<port>.
#
#     cluster.sh start | stop | clean
#
# STARLING_FIRST_PORT chooses the first of six ports in a row; 7001 when it is not set.
set -u
cd "$(dirname "$0")/../.." || exit 1

root=$PWD
run=$root/run
server=$root/bin/starling-server
cli=$root/bin/starling-cli
count=6
start_seconds=30
stop_seconds=60

die() {
    echo "cluster: $1" >&2
    shift
    for line in "$@"; do
        echo "         $line" >&2
    done
    exit 1
}

# ---- what is there ------------------------------------------------------------------------------

# The ports of the cluster whose data is in run/, else those that the environment asks for.
choose_ports() {
    local asked=${STARLING_FIRST_PORT:-} kept=
    [ -f "$run/first-port" ] && kept=$(<"$run/first-port")
    if [ -n "$asked" ] && [ -n "$kept" ] && [ "$asked" != "$kept" ]; then
        die "run/ holds a cluster that begins at port $kept, not $asked." \
            "Leave out STARLING_FIRST_PORT to use it, or remove it with: make cluster-clean"
    fi
    first=${asked:-${kept:-7001}}
    if ! [[ $first =~ ^[1-9][0-9]{0,4}$ ]] || [ "$first" -lt 1024 ] || [ "$first" -gt 55530 ]; then
        die "STARLING_FIRST_PORT is '$first': it has to be a number from 1024 to 55530," \
            "since each node also listens on its port + 10000."
    fi
    ports=()
    for ((i = 0; i < count; i++)); do
        ports+=($((first + i)))
    done
}

# The process of a node, when its pid file names a starling-server that works in the node's folder.
pid_of() {
    local file=$run/$1/starling.pid pid program
    [ -f "$file" ] || return 1
    pid=$(<"$file")
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    [[ ${program##*/} == starling-server* ]] || return 1
    [ "$(readlink "/proc/$pid/cwd")" = "$run/$1" ] || return 1
    echo "$pid"
}

is_listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# PONG, or LOADING while it reads its data.
answers() {
    "$cli" -h 127.0.0.1 -p "$1" PING 2>/dev/null | grep -qE 'PONG|LOADING'
}

cluster_field() {
    "$cli" -h 127.0.0.1 -p "$1" CLUSTER INFO 2>/dev/null | tr -d '\r' | sed -n "s/^$2://p"
}

show_owner() {
    command -v ss >/dev/null 2>&1 && ss -Hltnp "sport = :$1" 2>/dev/null | sed 's/^/         /' >&2
}

# ---- start --------------------------------------------------------------------------------------

# What the nodes prove to each other that they belong together.  A cluster that was begun without a
# secret stays so: its nodes have to be the same.
make_secret() {
    local file=$run/cluster-secret
    [ -f "$file" ] && return
    compgen -G "$run/*/starling.conf" >/dev/null && return
    (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$file") || die "cannot write $file"
}

write_config() {
    local port=$1 secret=
    mkdir -p "$run/$port" || die "cannot make the folder $run/$port"
    [ -f "$run/$port/starling.conf" ] && return
    if [ -f "$run/cluster-secret" ]; then
        secret=$(<"$run/cluster-secret")
        [[ $secret =~ ^[0-9a-f]{64}$ ]] || die "$run/cluster-secret is damaged: it has to be 64 hex digits."
    fi
    (
        umask 077
        cat >"$run/$port/starling.conf" <<CONF
# A node of the cluster on this machine; written once, then yours to change.
# docs/configuration.md describes every directive.  Save points are the defaults.
port $port
bind 127.0.0.1
cluster-enabled yes
dir "$run/$port"
logfile starling.log
pidfile starling.pid
daemonize yes
${secret:+cluster-secret $secret}
CONF
    ) || die "cannot write $run/$port/starling.conf"
}

check_ports_are_free() {
    local port used
    for port in "$@"; do
        for used in "$port" $((port + 10000)); do
            if is_listening "$used"; then
                show_owner "$used"
                die "port $used is in use by another program." \
                    "End that program, or choose other ports: STARLING_FIRST_PORT=7101 make cluster"
            fi
        done
    done
}

start_node() {
    local port=$1 log=$run/$1/starling.log old_size=0 tries
    [ -f "$log" ] && old_size=$(stat -c %s "$log")
    # A pid file that stayed behind after a crash says nothing about this start.
    rm -f "$run/$port/starling.pid"
    # 9 is the lock of this script: servers must not keep it.
    "$server" "$run/$port/starling.conf" 9>&- || die "the server on port $port did not start."
    for ((tries = 0; tries < start_seconds * 10; tries++)); do
        if pid_of "$port" >/dev/null && answers "$port"; then
            return
        fi
        if tail -c "+$((old_size + 1))" "$log" 2>/dev/null | grep -qE 'cannot (start|be loaded)'; then
            break
        fi
        sleep 0.1
    done
    echo "The last lines of $log:" >&2
    tail -n 5 "$log" >&2
    die "the server on port $port did not start."
}

# Every node knows the others, or none does: anything else is a creation that was interrupted.
form_or_wait() {
    local port known show=check formed=0 blank=0 addresses=()
    for port in "${ports[@]}"; do
        addresses+=("127.0.0.1:$port")
        known=$(cluster_field "$port" cluster_known_nodes)
        if [ "${known:-1}" = 1 ]; then blank=$((blank + 1)); else formed=$((formed + 1)); fi
    done
    if [ $formed = 0 ]; then
        "$cli" --cluster create "${addresses[@]}" --cluster-replicas 1 --cluster-yes ||
            die "the cluster could not be formed." "To begin again: make cluster-clean, then make cluster"
        # The creation has shown the map already.
        show=info
    elif [ $blank -gt 0 ]; then
        die "$blank of the $count nodes know nothing of the cluster that the others are in:" \
            "it was not formed to its end, or nodes files were removed from run/." \
            "To begin again without that data: make cluster-clean, then make cluster"
    fi
    "$cli" --cluster wait "127.0.0.1:$first" ||
        die "the nodes run, but the cluster is not healthy: what stands in the way is said above." \
            "See also: bin/starling-cli --cluster check 127.0.0.1:$first, and at run/*/starling.log"
    echo
    "$cli" --cluster $show "127.0.0.1:$first" || die "the check of the cluster has found something wrong."
}

show_how_to_connect() {
    cat <<TEXT

The cluster runs on 127.0.0.1, ports $first-$((first + count - 1)).  Config, log and data of each node: run/<port>/

    bin/starling-cli -c -p $first                our client, following redirections
    redis-cli -c -p $first                       or Redis' own
    redis-benchmark --cluster -p $first -q -t set,get -n 200000

    make cluster-stop                          end it, keep the data
    make cluster-clean                         end it, remove run/
TEXT
}

start() {
    local port running=() others=() kept=0 crashed=0
    if ! [ -x "$server" ] || ! [ -x "$cli" ]; then
        die "bin/starling-server or bin/starling-cli is missing: run make"
    fi
    for port in "${ports[@]}"; do
        if pid_of "$port" >/dev/null; then
            running+=("$port")
        else
            others+=("$port")
            # A server that ends in order removes its pid file.
            if [ -f "$run/$port/starling.pid" ]; then crashed=$((crashed + 1)); fi
        fi
        if [ -f "$run/$port/nodes.conf" ]; then kept=$((kept + 1)); fi
    done
    check_ports_are_free ${others[@]+"${others[@]}"}
    if [ ${#others[@]} = 0 ]; then
        echo "The cluster runs already."
    elif [ ${#running[@]} -gt 0 ]; then
        echo "${#running[@]} of the $count nodes run; starting the others: ${others[*]}"
    elif [ $kept -gt 0 ]; then
        echo "Starting the cluster again from its data in run/ (make cluster-clean removes it)."
    else
        echo "Starting $count nodes on ports $first-$((first + count - 1))."
    fi
    if [ $crashed -gt 0 ]; then
        echo "$crashed of them had not ended in order: each has what it saved last, and its shard may know more."
    fi
    echo "$first" >"$run/first-port" || die "cannot write $run/first-port"
    make_secret
    for port in ${others[@]+"${others[@]}"}; do
        write_config "$port"
        start_node "$port"
    done
    form_or_wait
    show_how_to_connect
}

# ---- stop, clean --------------------------------------------------------------------------------

# The program of a process that has ended can no longer be read, even while it waits to be reaped.
wait_for_end() {
    local tries
    for ((tries = 0; tries < stop_seconds * 10; tries++)); do
        readlink "/proc/$1/exe" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    return 1
}

stop() {
    local port pid i pids=() stopping=()
    for port in "${ports[@]}"; do
        if pid=$(pid_of "$port"); then
            kill -TERM "$pid" || die "cannot end the server on port $port (process $pid)."
            pids+=("$pid")
            stopping+=("$port")
        fi
    done
    for i in "${!pids[@]}"; do
        wait_for_end "${pids[i]}" ||
            die "the server on port ${stopping[i]} (process ${pids[i]}) did not end within $stop_seconds seconds." \
                "Its log says why: run/${stopping[i]}/starling.log" \
                "To end it without saving: bin/starling-cli -p ${stopping[i]} SHUTDOWN NOSAVE"
    done
    if [ ${#pids[@]} = 0 ]; then
        echo "No node of the cluster was running."
    else
        echo "Ended ${#pids[@]} nodes, ports ${stopping[*]}."
    fi
}

say_what_is_kept() {
    if compgen -G "$run/*/nodes.conf" >/dev/null; then
        echo "Their data stays in run/: make cluster goes on from it, make cluster-clean removes it."
    fi
}

main() {
    local what=${1:-}
    if [ $# != 1 ] || ! [[ $what =~ ^(start|stop|clean)$ ]]; then
        die "usage: docs/demo/cluster.sh start | stop | clean"
    fi
    choose_ports
    mkdir -p "$run" || die "cannot make the folder $run"
    exec 9>"$run/lock" || die "cannot write $run/lock"
    flock -n 9 || die "another make cluster, cluster-stop or cluster-clean is at work."
    case $what in
    start) start ;;
    stop)
        stop
        say_what_is_kept
        ;;
    clean)
        stop
        rm -rf "$run" || die "cannot remove $run"
        echo "Removed run/."
        ;;
    esac
}

main "$@"
