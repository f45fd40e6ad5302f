#!/bin/sh
# budget: 300
# Eight clients send random commands at once while workers are killed; after
# that facts are what is wished.  The seed is in the log; another:
#
#	ROTA_CHAOS_SEED=N	and ROTA_CHAOS_COMMANDS=N
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
commands=${ROTA_CHAOS_COMMANDS:-$(by_scale 10000 1500)}
seed=${ROTA_CHAOS_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
requests=$(by_scale 3000 600)
soon="backoff: { initial: 10ms, max: 100ms }
  stop: { timeout: 5s }
  env: { CHAOS: base }"
base="pools:
- name: web
  command: rota-http
  port: 0
  count: 3
  restart: always
  ready: { timeout: 10s, soak: 20ms }
  $soon
- name: api
  command: rota-http
  port: 0
  count: 2
  reload: { order: old-first, batch: all }
  broadcast: { interval: 100ms, counter: 1 }
  ready: { timeout: 10s, soak: 20ms }
  $soon
- name: task
  argv: [sh, -c, 'echo up; exec sleep 1000']
  count: 2
  restart: always
  ready: { delay: 10ms, soak: 20ms }
  $soon"

descriptors() {			# how many of each kind
	find "/proc/$rota_pid/fd" -mindepth 1 -printf '%l\n' |
	    sed 's/:\[[0-9]*\]$//' | sort | uniq -c
}

has_descriptors() {		# the same as are listed in $tmp/fresh
	descriptors >"$tmp/now"
	cmp -s "$tmp/fresh" "$tmp/now"
}

web_port() {			# of the first address that status shows
	"$top_builddir/rota" status --json -s "$tmp/run/rota.sock" web |
	    grep -Eo '"address" *: *"[^"]*"' | head -n 1 |
	    sed 's/.*:\([0-9]*\)"/\1/'
}

all_up() {
	[ "$(log_count 'all [23] workers are ready')" -ge 3 ]
}

# As many as one that has just been started has.
start_rota "$base"
holds "a fresh one: all workers are ready" wait_for 30 all_up
descriptors >"$tmp/fresh"
stop_rota
is "a fresh one ends well" "$?" 0

start_rota "$base"
holds "all workers are ready" wait_for 30 all_up
diag "ROTA_CHAOS_SEED=$seed"
start "$tmp/chaos.out" "$top_builddir/t/chaos" "$tmp/run/rota.sock" \
    "$rota_pid" "$tmp" "$rota_config" "$commands" "$seed"
reap 240 "$started_pid"
is "$commands commands, one answer each, and facts are wishes" "$?" 0
diag "$(cat "$tmp/chaos.out")"
holds "rota runs" is_alive "$rota_pid"
holds "it has the descriptors of a fresh one" \
    wait_for 10 has_descriptors ||
	diag "$(diff "$tmp/fresh" "$tmp/now")"
port=$(web_port)
for c in 1 16; do
	ask "$requests" -c "$c" --max-failures 20
	is "$c at a time: all are answered" \
	    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "$requests 0"
	is "$c at a time: by 3 workers" "$(value pids "$tmp/ask")" 3
	holds "$c at a time: turns differ by at most one" \
	    test "$(value pid_spread "$tmp/ask")" -le 1
done
children=$(children_of "$rota_pid")
stop_rota
is "rota ends well" "$?" 0
# shellcheck disable=SC2086
holds "and leaves nobody" wait_for 5 all_gone $children
holds "and no socket" test ! -e "$tmp/run/rota.sock"
done_testing
