#!/bin/sh
# What `make bench-scale` runs: a supervisor of 100, 1,000, 4,900 and 10,000
# workers that are as small as can be, from start to stop; and what it takes
# to start one process, beside other ways to do it.
#
#	bench/scale.sh JSON-FILE
#
#	ROTA_BENCH_SIZES='100 1000 4900 10000'
#	ROTA_BENCH_CALLS=20	status commands and broadcasts
#	ROTA_BENCH_KILLS=20	workers killed, one after the other
#	ROTA_BENCH_SPAWNS=200	processes started in each way
#
# Each of 4,900 workers or less has a listener of its own if it can; more are
# without port and messages, since these cost descriptors.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
json=${1:?the file to write}
sizes=${ROTA_BENCH_SIZES:-100 1000 4900 10000}
calls=${ROTA_BENCH_CALLS:-20}
kills=${ROTA_BENCH_KILLS:-20}
spawns=${ROTA_BENCH_SPAWNS:-200}
idle_seconds=5

die() {
	echo "bench: $*" >&2
	exit 1
}

open_limit() {
	awk '/^Max open files/ { print $5 }' /proc/self/limits
}

now_ms() {
	date +%s%3N
}

cpu_us() {			# what the supervisor has used so far
	awk '{ printf "%d\n", $1 / 1000 }' "/proc/$rota_pid/schedstat"
}

status_row() {			# status_row KEY: of the supervisor
	sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$rota_pid/status"
}

value() {			# value KEY FILE
	sed -n "s/^$1=//p" "$2"
}

# Sets $took_ms and $took_cpu_ms, of everything since the last call.
lap() {
	_now=$(now_ms)
	_cpu=$(cpu_us)
	took_ms=$((_now - lap_ms))
	took_cpu_ms=$(((_cpu - lap_cpu) / 1000))
	lap_ms=$_now
	lap_cpu=$_cpu
}

result() {			# result NAME VALUE: of this size
	echo "$size $1 $2" >>"$tmp/results"
}

call() {			# call COUNT REQUEST
	"$top_builddir/t/call" "$ROTA_RUNTIME_DIR/rota.sock" "$1" "$2" \
	    >"$tmp/call" || die "no answer to $2"
}

is_ready() {
	all_ready "$size" || is_ended "$rota_pid"
}

batch_of() {			# batch_of SIZE
	if [ "$1" -lt 400 ]; then
		echo 20
	else
		echo 50
	fi
}

# Starts; false, with the reason in the log, if it is refused.
start_size() {
	if [ "$size" -le 4900 ]; then
		_kind='listen: ["127.0.0.1:0"]'
		_delay=
	else
		_kind='dialect: plain'
		_delay='delay: 0, '
	fi
	cat >"$tmp/rota.yaml" <<END
name: many
command: $top_builddir/t/mite
count: $size
$_kind
ready: { ${_delay}soak: 0, timeout: 60s }
stop: { timeout: 60s }
reload: { batch: $(batch_of "$size") }
END
	lap_ms=$(now_ms)
	lap_cpu=0
	start "$log" "$top_builddir/rota" run "$tmp/rota.yaml"
	rota_pid=$started_pid
	wait_for 600 is_ready
	! is_ended "$rota_pid"
}

# What the supervisor does for one: its time is t/latency's, as in run.sh.
kill_some() {
	children_of "$rota_pid" | awk -v n="$kills" -v all="$size" '
	    BEGIN { each = all > n ? int(all / n) : 1 }
	    NR % each == 0 && ++k <= n' >"$tmp/victims"
	lap
	while read -r _pid; do
		kill -KILL "$_pid"
		wait_for 30 is_gone "$_pid"
	done <"$tmp/victims"
	wait_for 60 is_whole
	lap
	result kill_cpu_us $((took_cpu_ms * 1000 / kills))
}

is_whole() {			# as many as there should be
	[ "$(children_of "$rota_pid" | wc -l)" -eq "$size" ]
}

measure_idle() {
	_before=$(status_row voluntary_ctxt_switches)
	sleep "$idle_seconds"
	result wakeups $(($(status_row voluntary_ctxt_switches) - _before))
	result anon_kb "$(status_row RssAnon)"
}

measure_calls() {
	call "$calls" '{"id":1,"command":"status"}'
	result status_us "$(value median_us "$tmp/call")"
	if [ "$size" -gt 4900 ]; then
		return
	fi
	lap
	call "$calls" \
	    '{"id":1,"command":"broadcast","args":{"json":"{\"n\":1}"}}'
	lap
	result broadcast_us "$(value median_us "$tmp/call")"
	result broadcast_cpu_us $((took_cpu_ms * 1000 / calls))
	if "$top_builddir/t/tells" "$size" "$calls" >"$tmp/tells"; then
		result tells_us "$(value median_us "$tmp/tells")"
		result tells_cpu_us "$(value cpu_us "$tmp/tells")"
	fi
}

measure_size() {
	lap
	result start_ms "$took_ms"
	result start_cpu_ms "$took_cpu_ms"
	wait_for 20 is_whole
	sleep 1
	measure_idle
	measure_calls
	kill_some
	lap
	"$top_builddir/rota" reload -s "$ROTA_RUNTIME_DIR/rota.sock" \
	    >"$tmp/reload" 2>&1 || die "rollout: $(tail -n 1 "$tmp/reload")"
	lap
	result rollout_ms "$took_ms"
	result rollout_cpu_ms "$took_cpu_ms"
	result anon_after_kb "$(status_row RssAnon)"
	children_of "$rota_pid" >"$tmp/children"
	lap
	kill -TERM "$rota_pid"
	reap 300 "$rota_pid" || die "it does not stop well"
	result stop_ms $(($(now_ms) - lap_ms))
	if [ "$(log_count 'cannot start|: bug: ')" -gt 0 ]; then
		die "$(grep -m 1 -E 'cannot start|: bug: ' "$log")"
	fi
	# shellcheck disable=SC2046 # pids are words
	all_gone $(cat "$tmp/children") || die "workers are left"
}

print_table() {
	printf '\n%-34s' "workers"
	# shellcheck disable=SC2086 # numbers are words
	printf '%10s' $sizes
	echo
	while read -r name text; do
		printf '%-34s' "$text"
		for size in $sizes; do
			_v=$(sed -n "s/^$size $name //p" "$tmp/results")
			printf '%10s' "${_v:--}"
		done
		echo
	done <<END
start_ms start, ms
start_cpu_ms its CPU of the supervisor, ms
wakeups wake-ups in $idle_seconds idle seconds
anon_kb memory (RssAnon), kB
anon_after_kb the same after a rollout, kB
status_us status, median us
broadcast_us broadcast, median us
broadcast_cpu_us its CPU of the supervisor, us
tells_us a bare loop of send(2), median us
tells_cpu_us its CPU, us
kill_cpu_us CPU for a killed worker, us
rollout_ms rollout, ms
rollout_cpu_ms its CPU of the supervisor, ms
stop_ms stop, ms
END
	if [ -s "$tmp/left_out" ]; then
		echo
		cat "$tmp/left_out"
	fi
}

# Children, descriptors, megabytes.
spawn_cases='0:0:0 1000:4000:0 1000:16000:100'

measure_spawns() {
	for case in $spawn_cases; do
		IFS=:
		# shellcheck disable=SC2086 # cut at the colons
		set -- $case
		unset IFS
		"$top_builddir/t/spawns" "$1" "$2" "$3" "$spawns" \
		    >"$tmp/spawns.$case" 2>"$tmp/err" ||
		    die "t/spawns: $(cat "$tmp/err")"
	done
}

print_spawns() {
	printf '\n%s\n%-34s' "From the wish for a process to its exec" \
	    "children:descriptors:MB, median us"
	for case in $spawn_cases; do
		printf '%17s' "$case"
	done
	echo
	for way in rota posix_spawn fork; do
		printf '%-34s' "$way"
		for case in $spawn_cases; do
			printf '%17s' "$(value "$way.median_us" \
			    "$tmp/spawns.$case")"
		done
		echo
	done
}

print_json() {
	printf '{"cpus":%s,"kernel":"%s","sizes":[' "$(nproc)" "$(uname -r)"
	awk '
	$1 != last {
		printf "%s\n{\"workers\":%s", last == "" ? "" : "},", $1
		last = $1
	}
	{ printf ",\"%s\":%s", $2, $3 }
	END { if (last != "") printf "}" }' "$tmp/results"
	printf '],\n"spawn":['
	_comma=
	for case in $spawn_cases; do
		printf '%s\n{"case":"%s"' "$_comma" "$case"
		sed 's/\(.*\)=\(.*\)/,"\1":\2/' "$tmp/spawns.$case" |
		    tr -d '\n'
		printf '}'
		_comma=,
	done
	printf ']}\n'
}

: >"$tmp/results"
: >"$tmp/left_out"
echo "$(uname -sr), $(nproc) CPUs, $(open_limit) descriptors at most"
for size in $sizes; do
	if start_size; then
		measure_size
	else
		echo "$size workers: $(grep -v ': started' "$log" |
		    tail -n 1)" >>"$tmp/left_out"
	fi
done
measure_spawns
print_table
print_spawns
print_json >"$json"
echo
echo "written to $json"
