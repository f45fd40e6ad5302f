#!/bin/sh
# budget: 150
# A worker that misbehaves hurts only itself; so does a config that asks for
# more than there is; connections wait where nobody can serve them.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
rogue=$top_builddir/t/rogue

rss_kb() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

cpu_ticks() {			# user and system time of a process
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# Two rogues beside two good workers, which are served as if nothing were.
beside_rogue() {		# beside_rogue KIND [BROADCAST-SOURCE]
	start_rota "pools:
  - name: good
    command: rota-http
    port: 0
    count: 2
    broadcast: { interval: 20ms, key: n, counter: 1 }
  - name: rogue
    command: $rogue $1
    dialect: rota
    count: 2
    stop: { timeout: 500ms }
    backoff: { initial: 50ms }
    broadcast: { interval: 20ms, key: n, ${2:-counter: 1} }"
	port=$(rota_port)
	holds "$1: good workers answer" wait_for 30 workers_answer 2
	holds "$1: rogues are started" \
	    wait_for 20 log_has 2 'rogue\[[01]\] pid [0-9]+: started'
	ask 500 -c 4
	is "$1: good workers are served" \
	    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "500 0"
	holds "$1: they still get the broadcast" wait_for 20 \
	    grep -q '^value\.[1-9]' "$tmp/ask"
}

# After everything that was said has been heard, it uses no time.
is_quiet() {
	_ticks=$(cpu_ticks "$rota_pid")
	sleep 0.5
	[ $(($(cpu_ticks "$rota_pid") - _ticks)) -le 25 ]
}

end_rogue() {			# end_rogue KIND STATUS
	holds "$1: the supervisor comes to rest" wait_for 60 is_quiet
	if [ "${ROTA_TEST_SCALE:-full}" = full ]; then
		holds "$1: rota stays small: $(rss_kb "$rota_pid") kB" \
		    test "$(rss_kb "$rota_pid")" -lt 20000
	fi
	holds "$1: the log has no control bytes" \
	    sh -c "! grep -q '[[:cntrl:]]' '$log'"
	stop_rota
	is "$1: rota ends" "$?" "$2"
}

beside_rogue garbage
holds "garbage: it is logged" wait_for 20 \
    log_has 1 'rogue\[[01]\] pid [0-9]+: .*the line is dropped'
holds "garbage: what is good is logged too" wait_for 20 log_has 1 'a good one'
is "garbage: nobody died of it" "$(log_count restarting)" 0
holds "garbage: not every line is" \
    test "$(log_count 'rogue\[0\].*the line is dropped')" -lt 20
end_rogue garbage 0

beside_rogue long
holds "long: the channel is closed" \
    wait_for 20 log_has 2 'rogue\[[01]\] pid .*channel is closed'
is "long: the worker goes on" "$(log_count restarting)" 0
end_rogue long 0

beside_rogue flood
have_said_all() {
	[ "$("$top_builddir/rota" status -c "$tmp/rota.yaml" --json |
	    grep -o '"all said"' | grep -c .)" = 2 ]
}
holds "flood: it is heard to the end" wait_for 60 have_said_all
end_rogue flood 0

# What is for these two fills every buffer that it is given.
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "x"; print "" }' \
    >"$tmp/large"
beside_rogue deaf "file: $tmp/large"
end_rogue deaf 1
is "deaf: killed after stop.timeout" \
    "$(log_count 'rogue.*left, signal 9')" 2

beside_rogue stopped "file: $tmp/large"
end_rogue stopped 1
is "stopped: killed after stop.timeout" \
    "$(log_count 'rogue.*left, signal 9')" 2

beside_rogue shut
end_rogue shut 0

beside_rogue nonblock
holds "nonblock: it is restarted" \
    wait_for 20 log_has 2 'rogue\[[01]\] pid .*restarting'
stop_rota
is "nonblock: rota ends" "$?" 0

# --- limits ---------------------
printf '%s\n' "command: rota-http" "port: 0" "count: 200" >"$tmp/many.yaml"
PATH="$top_builddir:$PATH" prlimit --nofile=300 "$top_builddir/rota" run \
    "$tmp/many.yaml" >"$tmp/out" 2>&1
is "more workers than descriptors: refused" "$?" 1
like "it says how many there can be" "$(cat "$tmp/out")" \
    '200.*descriptor|descriptor.*200'
is "nothing was started" "$(grep -c 'started, generation' "$tmp/out")" 0

# With few descriptors connections wait until there is one.
wrap=${ROTA_WRAP:-}
ROTA_WRAP="$wrap prlimit --nofile=200"
start_rota "command: rota-http --delay 50ms
port: 0
count: 2
mechanism: hand-over"
ROTA_WRAP=$wrap
port=$(rota_port)
holds "few descriptors: both answer" wait_for 30 workers_answer 2
ask 3000 -c 600
is "few descriptors: all are answered" \
    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "3000 0"
stop_rota

# --- a port in use ---------------------
start "$tmp/taken" "$top_builddir/t/faulty"
wait_for 10 test -s "$tmp/taken" || not_ok "somebody else has a port"
printf '%s\n' "command: rota-http" \
    "listen: [\"127.0.0.1:$(cat "$tmp/taken")\"]" >"$tmp/taken.yaml"
PATH="$top_builddir:$PATH" "$top_builddir/rota" run "$tmp/taken.yaml" \
    >"$tmp/out" 2>&1
is "a port in use: refused" "$?" 1
like "it says who has it" "$(cat "$tmp/out")" \
    "in use.*(faulty|$started_pid)"
is "nothing was started" "$(grep -c 'started, generation' "$tmp/out")" 0

# --- connections wait while no worker is ready ---------------------
start_rota "command: rota-http --start-delay 1500ms
port: 0
count: 2
backoff: { initial: 1s, jitter: 0%, reset_after: 1h }"
port=$(rota_port)
ask 20 -c 20 --timeout 20s
is "before the first is ready: all wait and are answered" \
    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "20 0"
wait_for 20 workers_answer 2 || not_ok "2 workers answer"
for pid in $(answered); do
	kill -KILL "$pid"
done
wait_for 10 log_has 2 'restarting in' || not_ok "both are in back-off"
ask 20 -c 20 --timeout 20s
is "while all are in back-off: the same" \
    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "20 0"
stop_rota
is "rota ends well" "$?" 0
done_testing
