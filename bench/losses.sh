#!/bin/sh
# What `make bench-losses` runs: which requests are lost while workers are
# killed, stopped and replaced and when the supervisor is killed, with each
# way to share out connections; and what a slow request in fifty does to the
# others.  The numbers of the failed should be 0 where nothing is killed;
# else those that the killed had not taken.
#
#	bench/losses.sh JSON-FILE
#
#	ROTA_BENCH_WAYS='round-robin least-connections hand-over shared'
#	ROTA_BENCH_SECONDS=20	of each run
#	ROTA_BENCH_REQUESTS=100000	during rolling restarts
#	ROTA_BENCH_RUNS=5	with slow requests, of which the median is
#				shown
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
json=${1:?the file to write}
ways=${ROTA_BENCH_WAYS:-round-robin least-connections hand-over shared}
seconds=${ROTA_BENCH_SECONDS:-20}
requests=${ROTA_BENCH_REQUESTS:-100000}
runs=${ROTA_BENCH_RUNS:-5}

# Four workers that share out their connections in this way.
pool() {			# pool WAY ARGUMENTS-OF-ROTA-HTTP [LINE...]
	way=$1
	rota_config=$tmp/rota.yaml
	log=$tmp/rota.log
	case $way in
	hand-over) _how="mechanism: hand-over" ;;
	*) _how="balance: $way" ;;
	esac
	printf '%s\n' "command: rota-http $2" "listen: [\"127.0.0.1:0\"]" \
	    "count: 4" "$_how" "backoff: { initial: 0, reset_after: 0 }" \
	    >"$rota_config"
	shift 2
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@" >>"$rota_config"
	fi
	run_rota
	port=$(rota_port)
	wait_for 30 all_ready 4 || bail_out "$way: the workers are not ready"
}

# A line of the table, of the run named "load".
told() {			# told WHAT EVENTS NOT-TAKEN
	_failed=$(load_value load failed)
	printf '%-34s %-18s %8s %7s %7s %9s\n' "$1" "$way" \
	    "$(load_value load ok)" "$2" "$_failed" "$3"
	printf '{"run":"%s","way":"%s","answered":%s,"events":%s,' \
	    "$1" "$way" "$(load_value load ok)" "$2" >>"$tmp/json"
	printf '"failed":%s,"not_taken":%s}\n' "$_failed" "$3" >>"$tmp/json"
}

lost() {
	not_noted "$tmp/load.failures" | wc -l
}

# --- kill -9 of a worker every 200 ms ---------------------------------------
kills() {			# kills WAY
	: >"$tmp/killed"
	: >"$tmp/journal"
	pool "$1" "--burn 1ms --journal $tmp/journal"
	load_start load -c 64 --rate 1500 --timeout 10s
	_end=$(($(date +%s) + seconds))
	_n=0
	while [ "$(date +%s)" -lt "$_end" ]; do
		children_of "$rota_pid" >"$tmp/children"
		_n=$((_n + 1))
		_pid=$(sed -n "$((_n % 4 + 1))p" "$tmp/children")
		if [ -n "$_pid" ] && kill -KILL "$_pid"; then
			echo "$_pid" >>"$tmp/killed"
		fi
		sleep 0.2
	done
	load_stop load
	stop_rota
	told "kill -9 every 200 ms" "$(wc -l <"$tmp/killed")" "$(lost)"
}

# --- a worker that stands still for 5 s -------------------------------------
frozen() {			# frozen WAY TITLE [LINE...]
	_way=$1
	_title=$2
	shift 2
	: >"$tmp/killed"
	: >"$tmp/journal"
	pool "$_way" "--burn 1ms --journal $tmp/journal" "$@"
	load_start load -c 64 --rate 1500 --timeout 10s
	sleep 2
	_pid=$(children_of "$rota_pid" | head -n 1)
	echo "$_pid" >>"$tmp/killed"
	kill -STOP "$_pid"
	sleep 5
	kill -CONT "$_pid" 2>/dev/null
	sleep 3
	load_stop load
	stop_rota
	told "$_title" 1 "$(lost)"
}

# --- rolling restarts -------------------------------------------------------
rollouts() {			# rollouts WAY
	pool "$1" ""
	load_start load -c 16 --at-least "$requests" --rate 5000 \
	    --timeout 10s
	_n=0
	_end=$(($(date +%s) + requests / 4000))
	while [ "$(date +%s)" -lt "$_end" ]; do
		rollout || bail_out "$way: $rollout_result"
		_n=$((_n + 1))
	done
	load_stop load
	stop_rota
	told "rolling restarts" "$_n" 0
}

# --- kill -9 of the supervisor ----------------------------------------------
orphans() {			# orphans WAY
	pool "$1" "" "on_supervisor_exit: continue"
	load_start load -c 16 --rate 3000 --timeout 10s
	sleep 1
	children_of "$rota_pid" >"$tmp/orphans"
	kill -KILL "$rota_pid"
	wait "$rota_pid" 2>/dev/null
	sleep 5
	load_stop load
	xargs kill -TERM <"$tmp/orphans"
	told "kill -9 of the supervisor" 1 0
}

# --- slow requests ----------------------------------------------------------
# 600 a second, of which one in 51 keeps its worker for 50 ms: 15 % of the
# time of four workers.
slow() {			# slow WAY
	pool "$1" "--block-path /block --block 50ms"
	ask 3000 -c 64 --rate 600 --other /block --every 51
	stop_rota
	echo "$(value latency_p50_us "$tmp/ask")" \
	    "$(value latency_p90_us "$tmp/ask")" \
	    "$(value latency_p99_us "$tmp/ask")" \
	    "$(value pid_spread "$tmp/ask")" >>"$tmp/slow.$1"
}

slow_median() {			# slow_median WAY COLUMN
	awk -v column="$2" '{ print $column }' "$tmp/slow.$1" | sort -n |
	    awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

slow_told() {			# slow_told WAY
	set -- "$1" "$(slow_median "$1" 1)" "$(slow_median "$1" 2)" \
	    "$(slow_median "$1" 3)" "$(slow_median "$1" 4)"
	printf '%-34s %8.0f %8.0f %8.0f %9s\n' "$@"
	printf '{"run":"slow requests","way":"%s","p50_us":%s,"p90_us":%s,' \
	    "$1" "$2" "$3" >>"$tmp/json"
	printf '"p99_us":%s,"spread":%s}\n' "$4" "$5" >>"$tmp/json"
}

printf '%s\n\n%-34s %-18s %8s %7s %7s %9s\n' \
    "$(uname -sr), $(nproc) CPUs; 4 workers" "" "" answered events failed \
    "not taken"
: >"$tmp/json"
for way in $ways; do
	kills "$way"
done
for way in $ways; do
	frozen "$way" "SIGSTOP of a worker for 5 s"
done
for way in $ways; do
	if [ "$way" != shared ]; then
		frozen "$way" "the same with health.hang: 1s" \
		    "health: { hang: 1s }"
	fi
done
for way in $ways; do
	rollouts "$way"
done
for way in $ways; do
	if [ "$way" != hand-over ]; then
		orphans "$way"
	fi
done
printf '\n%-34s %8s %8s %8s %9s\n' "one of 51 requests takes 50 ms" \
    "p50 us" "p90 us" "p99 us" spread
_run=0
while [ "$_run" -lt "$runs" ]; do
	for way in $ways; do
		slow "$way"
	done
	_run=$((_run + 1))
done
for way in $ways; do
	slow_told "$way"
done
cat <<END

not taken: failed requests that the worker that was killed, or stopped, had
not noted as its own; it may be killed between taking one and noting it.
spread: by how many the answers of the workers differ, of 3000.
END
{ printf '['; sed '$!s/$/,/' "$tmp/json"; printf ']\n'; } >"$json"
echo
echo "written to $json"
