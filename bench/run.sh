#!/bin/sh
# What `make bench` runs: rota-http under rota, with no supervisor and alone,
# nginx, Node's cluster, and the same program under rota, side by side in
# alternating rounds, with new connections and with keep-alive; then the time
# from kill -9 to the successor, beside other supervisors.
#
#	bench/run.sh JSON-FILE
#
#	ROTA_BENCH_ROUNDS=9	rounds, of which the median is shown
#	ROTA_BENCH_TIME=1s	length of a round for each server
#	ROTA_BENCH_CLIENTS=32	connections at a time, of two clients
#	ROTA_BENCH_WORKERS=2	worker processes of each server
#	ROTA_BENCH_KILLS=60	workers killed under each supervisor, 0: none
#	ROTA_BENCH_SERVERS='round-robin least-connections hand-over shared
#	    bare bare-reuseport alone nginx node rota-node
#	    rota-node-hand-over'
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
json=${1:?the file to write}
rounds=${ROTA_BENCH_ROUNDS:-9}
round_time=${ROTA_BENCH_TIME:-1s}
clients=${ROTA_BENCH_CLIENTS:-32}
workers=${ROTA_BENCH_WORKERS:-2}
kills=${ROTA_BENCH_KILLS:-60}
servers=
hertz=$(getconf CLK_TCK)

die() {
	echo "bench: $*" >&2
	exit 1
}

has() {
	command -v "$1" >"$tmp/which" 2>&1
}

# shellcheck source=bench/servers.sh
. "$top_srcdir/bench/servers.sh"
# shellcheck source=bench/figures.sh
. "$top_srcdir/bench/figures.sh"
# shellcheck source=bench/restarts.sh
. "$top_srcdir/bench/restarts.sh"

cpu_ms() {			# user and system time of these processes
	for _pid in "$@"; do
		sed 's/.*) //' "/proc/$_pid/stat"
	done | awk -v hz="$hertz" '
	    { ticks += $12 + $13 }
	    END { printf "%.0f\n", ticks * 1000 / hz }'
}

# A line of results: mode, rate, CPU us a request of workers and of what is
# above them, p50, p90, p99 and p99.9 us, failed, CPU of the clients in
# percent.  Of the two clients' percentiles the first is their mean, the
# others are the larger.
one_round() {			# one_round SERVER MODE
	port=$(cat "$tmp/$1.port")
	_pid=$(cat "$tmp/$1.pid")
	_above=$_pid
	_workers=$(children_of "$_pid")
	if [ -z "$_workers" ]; then
		_above=
		_workers=$_pid
	fi
	# shellcheck disable=SC2086 # pids are words
	_cpu="$(cpu_ms $_workers) $(cpu_ms $_above)"
	one_load "$2" >"$tmp/round.2" 2>&1 &
	_other=$!
	(one_load "$2") >"$tmp/round.1" 2>&1
	wait "$_other"
	# shellcheck disable=SC2086
	_cpu="$_cpu $(cpu_ms $_workers) $(cpu_ms $_above)"
	cat "$tmp/round.1" "$tmp/round.2" | tr '=' ' ' |
	    awk -v mode="$2" -v cpu="$_cpu" '
	    { sum[$1] += $2; n[$1]++ }
	    $2 > max[$1] { max[$1] = $2 }
	    END {
		if (!sum["ok"] || n["ok"] != 2)
			exit 1
		split(cpu, c, " ")
		printf "%s %.1f %.2f %.2f ", mode, sum["rate"],
		    (c[3] - c[1]) * 1000 / sum["ok"],
		    (c[4] - c[2]) * 1000 / sum["ok"]
		printf "%.1f %.1f %.1f %.1f ", sum["latency_p50_us"] / 2,
		    max["latency_p90_us"], max["latency_p99_us"],
		    max["latency_p999_us"]
		printf "%d %.0f\n", sum["failed"],
		    sum["cpu_seconds"] * 100 / max["seconds"]
	    }' || die "$1: $(cat "$tmp/round.1" "$tmp/round.2")"
}

one_load() {			# one_load MODE
	exec "$load" --port "$port" --mode "$1" -c $((clients / 2)) \
	    --duration "$round_time" --timeout 20s
}

run_rounds() {
	for server in $servers; do
		for mode in new keep; do
			one_round "$server" "$mode" >"$tmp/warm" || exit 1
		done
	done
	_round=0
	while [ "$_round" -lt "$rounds" ]; do
		for mode in new keep; do
			for server in $servers; do
				one_round "$server" "$mode" \
				    >>"$tmp/$server.results" || exit 1
			done
		done
		# Another one begins the next round.
		# shellcheck disable=SC2086 # names are words
		set -- $servers
		_first=$1
		shift
		servers="$* $_first"
		_round=$((_round + 1))
	done
}

: >"$tmp/left_out"
: >"$tmp/latency"
for server in ${ROTA_BENCH_SERVERS:-round-robin least-connections hand-over \
    shared bare bare-reuseport alone nginx node rota-node \
    rota-node-hand-over}; do
	start_server "$server"
done
order=$servers
printf '%s\n' "$(uname -sr), $(nproc) CPUs; $rounds rounds of $round_time, \
$clients connections at a time, $workers workers (alone: 1 process)"
run_rounds
collect >"$tmp/table"
print_table
compare >"$tmp/pairs"
print_pairs
print_above
if [ "$kills" -gt 0 ]; then
	run_latency
	print_latency
fi
print_json >"$json"
echo
echo "written to $json"
