# shellcheck shell=sh disable=SC2154
# Rounds of load on the servers of bench/servers.sh, each $round_time long;
# one in each of $modes for every server, and $rounds times that.
hertz=$(getconf CLK_TCK)

cpu_ms() {			# user and system time of these processes
	for _pid in "$@"; do
		sed 's/.*) //' "/proc/$_pid/stat"
	done | awk -v hz="$hertz" '
	    { ticks += $12 + $13 }
	    END { printf "%.0f\n", ticks * 1000 / hz }'
}

# A worker may have processes of its own, which belong to it.
descendants_of() {		# descendants_of PID...
	for _pid in "$@"; do
		# shellcheck disable=SC2046 # pids are words
		set -- $(children_of "$_pid")
		if [ $# -gt 0 ]; then
			echo "$@"
			descendants_of "$@"
		fi
	done
}

# A line of results: mode, rate, CPU us a request of workers and of what is
# above them, p50, p90, p99 and p99.9 us, failed, CPU of the clients in
# percent.  Of the two clients' percentiles the first is their mean, the
# others are the larger.
one_round() {			# one_round SERVER MODE
	port=$(cat "$tmp/$1.port")
	_pid=$(cat "$tmp/$1.pid")
	_above=$_pid
	_workers=$(descendants_of "$_pid")
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
		for mode in $modes; do
			one_round "$server" "$mode" >"$tmp/warm" || exit 1
		done
	done
	_round=0
	while [ "$_round" -lt "$rounds" ]; do
		for mode in $modes; do
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

