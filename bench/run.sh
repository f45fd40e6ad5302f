#!/bin/sh
# What `make bench` runs: rota-http under rota and alone, nginx, Node's
# cluster, and the same program under rota, side by side in alternating
# rounds, with new connections and with keep-alive; then the time from
# kill -9 to the successor, beside runit.
#
#	bench/run.sh JSON-FILE
#
#	ROTA_BENCH_ROUNDS=9	rounds, of which the median is shown
#	ROTA_BENCH_TIME=1s	length of a round for each server
#	ROTA_BENCH_CLIENTS=32	connections at a time, of two clients
#	ROTA_BENCH_WORKERS=2	worker processes of each server
#	ROTA_BENCH_KILLS=200	workers killed under each supervisor, 0: none
#	ROTA_BENCH_SERVERS='round-robin least-connections hand-over shared
#	    alone nginx node rota-node'
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
json=${1:?the file to write}
rounds=${ROTA_BENCH_ROUNDS:-9}
round_time=${ROTA_BENCH_TIME:-1s}
clients=${ROTA_BENCH_CLIENTS:-32}
workers=${ROTA_BENCH_WORKERS:-2}
kills=${ROTA_BENCH_KILLS:-200}
servers=

die() {
	echo "bench: $*" >&2
	exit 1
}

has() {
	command -v "$1" >"$tmp/which" 2>&1
}

free_port() {			# prints a port that was free just now
	start "$tmp/free" "$top_builddir/t/faulty"
	wait_for 10 test -s "$tmp/free" || die "t/faulty does not start"
	kill "$started_pid"
	wait "$started_pid" 2>/dev/null
	cat "$tmp/free"
}

# A server takes part: name, port, the process that its workers belong to.
# A server of one process is its own worker.
take_part() {			# take_part NAME PORT PID
	port=$2
	wait_for 20 ask 1 || die "$1 does not answer: $(cat "$tmp/ask")"
	servers="$servers $1"
	echo "$2" >"$tmp/$1.port"
	echo "$3" >"$tmp/$1.pid"
	: >"$tmp/$1.results"
}

left_out() {			# left_out NAME REASON
	echo "$1: left out, $2"
	echo "$1 $2" >>"$tmp/left_out"
}

# --- servers ------------------------------------------------------------------
start_under_rota() {		# start_under_rota NAME KEY: VALUE
	printf '%s\n' "command: rota-http" "listen: [\"127.0.0.1:0\"]" \
	    "count: $workers" "$2" >"$tmp/$1.yaml"
	rota_config=$tmp/$1.yaml
	log=$tmp/$1.log
	run_rota
	take_part "rota-$1" "$(rota_port)" "$rota_pid"
}

start_alone() {
	_port=$(free_port)
	start "$tmp/alone.log" "$top_builddir/rota-http" --port "$_port"
	take_part alone "$_port" "$started_pid"
}

start_nginx() {
	if ! has nginx; then
		left_out nginx "it is not installed"
		return
	fi
	_port=$(free_port)
	_pid=$(echo $$ | tr 0-9 1)
	cat >"$tmp/nginx.conf" <<END
daemon off;
pid $tmp/nginx.pidfile;
worker_processes $workers;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 1000000;
	default_type text/plain;
	server {
		listen 127.0.0.1:$_port backlog=4096;
		location / {
			return 200 "Handled by process $_pid.\nCached value: none\n";
		}
	}
}
END
	start "$tmp/nginx.log" nginx -p "$tmp" -c "$tmp/nginx.conf" \
	    -e "$tmp/nginx.err"
	take_part nginx "$_port" "$started_pid"
}

# The same program as in Node's own cluster, below rota.
start_rota_node() {
	if ! has node; then
		left_out rota-node "node is not installed"
		return
	fi
	printf '%s\n' "argv: [node, \"$top_srcdir/bench/cluster.js\"]" \
	    "listen: [\"127.0.0.1:0\"]" "count: $workers" \
	    "dialect: node" >"$tmp/rota-node.yaml"
	rota_config=$tmp/rota-node.yaml
	log=$tmp/rota-node.log
	run_rota
	take_part rota-node "$(rota_port)" "$rota_pid"
}

start_node() {
	if ! has node; then
		left_out node-cluster "node is not installed"
		return
	fi
	start "$tmp/node.log" node "$top_srcdir/bench/cluster.js" "$workers"
	if ! wait_for 20 grep -q '^port ' "$tmp/node.log"; then
		left_out node-cluster "it does not start"
		return
	fi
	take_part node-cluster "$(sed -n 's/^port //p' "$tmp/node.log")" \
	    "$started_pid"
}

# --- rounds -------------------------------------------------------------------
hertz=$(getconf CLK_TCK)

cpu_ms() {			# user and system time of these processes
	for _pid in "$@"; do
		sed 's/.*) //' "/proc/$_pid/stat"
	done | awk -v hz="$hertz" '
	    { ticks += $12 + $13 }
	    END { printf "%.0f\n", ticks * 1000 / hz }'
}

# A line of results: mode, rate, CPU us a request of workers and of what is
# above them, p50 and p99 us, failed, CPU of the clients in percent.
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
		printf "%.1f %.1f %d %.0f\n", sum["latency_p50_us"] / 2,
		    max["latency_p99_us"], sum["failed"],
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

# --- tables -------------------------------------------------------------------
# Minimum, quartiles and maximum of one column of a server's results.
quartiles() {			# quartiles SERVER MODE COLUMN
	awk -v mode="$2" -v column="$3" '$1 == mode { print $column }' \
	    "$tmp/$1.results" | sort -n | awk '
	    { v[NR] = $1 }
	    function at(part,   x, i) {
		x = 1 + (NR - 1) * part
		i = int(x)
		if (i == NR)
			return v[i]
		return v[i] + (x - i) * (v[i + 1] - v[i])
	    }
	    END { print at(0), at(0.25), at(0.5), at(0.75), at(1) }'
}

median() {
	quartiles "$@" | cut -d ' ' -f 3
}

failed_in_all() {		# failed_in_all SERVER MODE
	awk -v mode="$2" '$1 == mode { n += $7 } END { print n + 0 }' \
	    "$tmp/$1.results"
}

# server mode q1 median q3 workers-us above-us p50 p99 failed client-%
collect() {
	for mode in new keep; do
		for server in $order; do
			# shellcheck disable=SC2046 # five words
			set -- $(quartiles "$server" "$mode" 2)
			echo "$server $mode $2 $3 $4" \
			    "$(median "$server" "$mode" 3)" \
			    "$(median "$server" "$mode" 4)" \
			    "$(median "$server" "$mode" 5)" \
			    "$(median "$server" "$mode" 6)" \
			    "$(failed_in_all "$server" "$mode")" \
			    "$(median "$server" "$mode" 8)"
		done
	done
}

print_table() {
	awk '
	NR == FNR { if ($1 == "nginx") nginx[$2] = $4; next }
	$2 != mode {
		mode = $2
		title = "Keep-alive"
		if (mode == "new")
			title = "A new connection for each request"
		printf "\n%s\n%-18s %9s %17s %7s %7s %7s %8s %8s %6s %7s\n",
		    title, "", "req/s", "quartiles", "/nginx", "us/req",
		    "above", "p50 us", "p99 us", "failed", "client"
	}
	{
		ratio = "-"
		if (nginx[mode])
			ratio = sprintf("%.2f", $4 / nginx[mode])
		printf "%-18s %9.0f %8.0f-%8.0f %7s ", $1, $4, $3, $5, ratio
		printf "%7.1f %7.1f %8.0f %8.0f ", $6, $7, $8, $9
		printf "%6d %6d%%\n", $10, $11
	}' "$tmp/table" "$tmp/table"
	cat <<END

us/req: CPU time of the workers for a request; above: that of the process
above them (rota, nginx's master, Node's primary).  client: CPU of the two
rota-load processes that ask, which share the machine with the server; at 200%
they are what limits.
END
}

# Resident memory of what is above the workers, and rota beside Node in it.
print_above() {
	printf '\n%s\n' "Resident memory of the process above the workers"
	for server in $order; do
		[ "$server" = alone ] && continue
		printf '%-18s %9s kB\n' "$server" "$(sed -n \
		    's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' \
		    "/proc/$(cat "$tmp/$server.pid")/status")"
	done >"$tmp/above"
	cat "$tmp/above"
	awk '
	NR == FNR { rss[$1] = $2; next }
	{ rate[$1 $2] = $4; cpu[$1 $2] = $7 }
	END {
		n = "node-cluster"
		r = "rota-node"
		if (!rate[n "new"] || !rate[r "new"])
			exit
		printf "\nrota-node / node-cluster: req/s %.2f new, ",
		    rate[r "new"] / rate[n "new"]
		printf "%.2f keep-alive; ", rate[r "keep"] / rate[n "keep"]
		printf "CPU above %.2f for a connection; ",
		    cpu[r "new"] / cpu[n "new"]
		printf "memory above %.3f\n", rss[r] / rss[n]
	}' "$tmp/above" "$tmp/table"
}

# --- kill to restart ------------------------------------------------------------
run_latency() {
	printf '%s\n' "command: $top_builddir/t/stamp" "dialect: rota" \
	    "count: 12" "backoff: { reset_after: 0 }" >"$tmp/latency.yaml"
	set -- rota "$top_builddir/rota" run "$tmp/latency.yaml"
	if has runsvdir; then
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			mkdir -p "$tmp/sv/$i"
			ln -s "$top_builddir/t/stamp" "$tmp/sv/$i/run"
		done
		set -- "$@" -- runit runsvdir "$tmp/sv"
	else
		left_out runit "it is not installed"
	fi
	"$top_builddir/t/latency" "$kills" 1100 "$@" >"$tmp/latency" ||
	    die "t/latency has failed"
}

print_latency() {
	printf '\n%s\n%-18s %9s %17s %9s %7s\n' \
	    "From kill -9 of a worker to the first statement of the next" \
	    "" "median us" "quartiles" "max us" "kills"
	sed 's/[.=]/ /' "$tmp/latency" | tr '=' ' ' | awk '
	{ v[$1 " " $2] = $3; if (!($1 in seen)) name[++n] = $1; seen[$1] }
	END {
		for (i = 1; i <= n; i++) {
			p = name[i]
			printf "%-18s %9.0f %8.0f-%8.0f %9.0f %7d\n", p,
			    v[p " median_us"], v[p " q1_us"], v[p " q3_us"],
			    v[p " max_us"], v[p " kills"]
		}
		if (v["runit median_us"] > 0)
			printf "rota / runit: %.2f\n",
			    v["rota median_us"] / v["runit median_us"]
	}'
}

print_json() {
	printf '{"rounds":%s,"round_time":"%s","clients":%s,"workers":%s,' \
	    "$rounds" "$round_time" "$clients" "$workers"
	printf '"cpus":%s,"kernel":"%s",\n"throughput":[' "$(nproc)" \
	    "$(uname -r)"
	awk '
	NR > 1 { printf "," }
	{
		printf "\n{\"server\":\"%s\",\"mode\":\"%s\",", $1, $2
		printf "\"rate_q1\":%s,\"rate\":%s,\"rate_q3\":%s,", $3, $4, $5
		printf "\"worker_cpu_us\":%s,\"above_cpu_us\":%s,", $6, $7
		printf "\"p50_us\":%s,\"p99_us\":%s,\"failed\":%s,", $8, $9,
		    $10
		printf "\"client_cpu_percent\":%s}", $11
	}' "$tmp/table"
	printf '],\n"kill_to_restart":{'
	awk -F '=' 'NR > 1 { printf "," } { printf "\"%s\":%s", $1, $2 }' \
	    "$tmp/latency"
	printf '},\n"left_out":['
	awk '
	NR > 1 { printf "," }
	{
		name = $1
		sub(/^[^ ]* /, "")
		printf "{\"server\":\"%s\",\"reason\":\"%s\"}", name, $0
	}' "$tmp/left_out"
	printf ']}\n'
}

: >"$tmp/left_out"
: >"$tmp/latency"
for server in ${ROTA_BENCH_SERVERS:-round-robin least-connections \
    hand-over shared alone nginx node rota-node}; do
	case $server in
	round-robin | shared | least-connections)
		start_under_rota "$server" "balance: $server" ;;
	hand-over) start_under_rota "$server" "mechanism: hand-over" ;;
	alone) start_alone ;;
	nginx) start_nginx ;;
	node) start_node ;;
	rota-node) start_rota_node ;;
	*) die "no such server: $server" ;;
	esac
done
order=$servers
printf '%s\n' "$(uname -sr), $(nproc) CPUs; $rounds rounds of $round_time, \
$clients connections at a time, $workers workers (alone: 1 process)"
run_rounds
collect >"$tmp/table"
print_table
print_above
if [ "$kills" -gt 0 ]; then
	run_latency
	print_latency
fi
print_json >"$json"
echo
echo "written to $json"
