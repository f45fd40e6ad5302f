#!/bin/sh
# budget: 120
# Crashed workers come back, with back-off; a pool that crashes as a whole
# is probed by one worker; what is not restarted decides the exit status.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

delays() {
	grep -Eo 'restarting in [0-9]+ ms' "$log" | grep -Eo '[0-9]+'
}

# --- one worker at a time -------------------------------------------------
start_rota 'argv: [sh, -c, "exit 1"]
count: 1
backoff: { initial: 50ms, factor: 2, max: 300ms, jitter: 0% }'
holds "a crashing worker is restarted again and again" \
    wait_for 20 log_has 6 'restarting in'
is "its delay grows up to the maximum" \
    "$(delays | head -n 6 | tr '\n' ' ')" "50 100 200 300 300 300 "
like "the log has the exit status" "$(cat "$log")" 'exit status 1'
stop_rota
is "a pool that only crashed ends well when it is asked to stop" "$?" 0
is "nothing is left of it" "$(children_of "$rota_pid")" ""

start_rota "command: rota-http
port: 0
count: 3
backoff: { initial: 200ms, jitter: 20%, reset_after: 1h }"
port=$(rota_port)
holds "3 workers answer" wait_for 30 workers_answer 3
for pid in $(answered); do
	kill -KILL "$pid"
done
holds "killed workers come back" wait_for 20 workers_answer 3
like "the log has the signal" "$(cat "$log")" 'signal 9'
is "each after its delay, spread by the jitter" \
    "$(delays | awk '$1 >= 160 && $1 <= 240' | wc -l)" 3
is "no zombie is left" "$(zombies_of "$rota_pid")" ""
stop_rota

start_rota "command: rota-http
port: 0
count: 1
backoff: { initial: 10s, reset_after: 0 }"
port=$(rota_port)
wait_for 30 ask 1 || not_ok "a worker answers"
kill -KILL "$(answered)"
holds "after reset_after the first restart is immediate" \
    wait_for 8 log_has 1 'restarting now'
holds "and it answers" wait_for 8 ask 1
stop_rota

# --- the whole pool ---------------------------------------------------------
cat >"$tmp/broken" <<END
#!/bin/sh
if [ -e "$tmp/mended" ]; then
	exec sleep 1000
fi
exit 1
END
chmod 755 "$tmp/broken"
start_rota "command: $tmp/broken
name: broken
count: 4
backoff: { initial: 20ms, max: 100ms, reset_after: 1h }
ready: { when: delay, delay: 300ms }"
holds "a pool that crashes as a whole is tried again" \
    wait_for 30 log_has 24 ': started, generation'
# When each slot has crashed, one is started only after another has died.
is "by one worker at a time" "$(awk '
	/: started, generation/ {
		running++
		if (++starts > 12 && running > most)
			most = running
	}
	/exit status 1/ { running-- }
	END { print most }' "$log")" 1
: >"$tmp/mended"
holds "when it is mended, all of them come up" \
    wait_for 30 all_ready 4
stop_rota
is "rota ends well" "$?" 0

# --- what is not restarted, and the exit status of rota ---------------------
# ends STATUS TEXT CONFIG: rota ends by itself.
ends() {
	start_rota "$3"
	reap 20 "$rota_pid"
	is "$2: exit status $1" "$?" "$1"
}
# restarts TEXT CONFIG: the worker is started again.
restarts() {
	start_rota "$2
backoff: { initial: 0 }"
	holds "$1: restarted" wait_for 20 log_has 2 ': started, generation'
	stop_rota
}

ends 0 "never, success" 'argv: [sh, -c, "exit 0"]
count: 2
restart: never'
ends 1 "never, failure" 'argv: [sh, -c, "exit 3"]
count: 2
restart: never'
ends 1 "never, one of two fails" 'argv: [sh, -c, "exit $ROTA_SLOT"]
count: 2
restart: never'
ends 1 "never, killed by a signal" 'argv: [sh, -c, "kill -KILL $$"]
count: 1
restart: never'
ends 0 "on-failure, success" 'argv: [sh, -c, "exit 0"]
count: 1
restart: on-failure'
like "a slot that is not started again is said so" "$(cat "$log")" \
    '\[0\] pid [0-9]+: exit status 0; it is not started again'
ends 0 "on-failure, success_exit" 'argv: [sh, -c, "exit 42"]
count: 1
success_exit: [0, 42]
restart: on-failure'
restarts "on-failure, failure" 'argv: [sh, -c, "exit 3"]
count: 1
restart: on-failure'
restarts "on-failure, 0 is not in success_exit" 'argv: [sh, -c, "exit 0"]
count: 1
success_exit: [42]
restart: on-failure'
restarts "on-failure, a signal that was not ours" \
    'argv: [sh, -c, "kill -TERM $$"]
count: 1
restart: on-failure'
restarts "always, success" 'argv: [sh, -c, "exit 0"]
count: 1
restart: always'

printf '%s\n' "argv: [$tmp/nothing]" >"$tmp/bad.yaml"
"$top_builddir/rota" run "$tmp/bad.yaml" >"$tmp/out" 2>&1
is "a command that is not there: nothing is started" \
    "$? $(grep -c started "$tmp/out")" "1 0"
done_testing
