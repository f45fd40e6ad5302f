#!/bin/sh
# budget: 150
# How it ends: gracefully, at once, after stop.timeout, or by kill -9 of the
# supervisor; whatever was below it is gone then.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

tree_of() {			# all descendants of a process
	for _child in $(children_of "$1"); do
		echo "$_child"
		(tree_of "$_child")
	done
}

# remember: the present tree below rota, in $tree; killed at the end of the
# test if it should still be there.
remember() {
	tree=$(tree_of "$rota_pid" | tr '\n' ' ')
	for _pid in $tree; do
		started "$_pid"
	done
}

# tree_is_gone TEXT [SECONDS]
tree_is_gone() {
	# shellcheck disable=SC2086 # pids are words
	holds "$1: nothing is left of$(printf ' %s' $tree)" \
	    wait_for "${2:-10}" all_gone $tree
}

# The same when rota is gone, and somebody else has to reap them.
tree_is_dead() {		# tree_is_dead TEXT [SECONDS]
	# shellcheck disable=SC2086
	holds "$1: nothing runs on of$(printf ' %s' $tree)" \
	    wait_for "${2:-10}" none_alive $tree
}

begun() {			# begun COUNT: connections taken by workers
	[ "$(wc -l <"$tmp/journal")" -ge "$1" ]
}

# Requests that take a while, all of them begun when this returns.
begin_slow() {			# begin_slow COUNT
	: >"$tmp/journal"
	load_start slow -c "$1" -n "$1"
	wait_for 30 begun "$1" || not_ok "$1 requests are begun"
}

# --- TERM, while there is something to do ---------------------
for balance in round-robin shared; do
	: >"$tmp/journal"
	start_rota "command: rota-http --delay 700ms --journal $tmp/journal
port: 0
count: 2
balance: $balance"
	port=$(rota_port)
	wait_for 30 all_ready 2 || not_ok "2 workers are ready"
	remember
	begin_slow 20
	stop_rota
	is "$balance, TERM: exit status" "$?" 0
	load_stop slow
	is "$balance, TERM: slow requests that were answered" \
	    "$(load_value slow ok)" 20
	tree_is_gone "$balance, TERM"

	# New ones come all the time, until the listener is closed.
	start_rota "command: rota-http --delay 50ms
port: 0
count: 2
balance: $balance"
	port=$(rota_port)
	wait_for 30 all_ready 2 || not_ok "2 workers are ready"
	load_start new -c 8 --max-failures 20
	load_start keep -c 8 --mode keep --max-failures 20
	wait_for 1 false
	stop_rota
	is "$balance, TERM under load: exit status" "$?" 0
	load_stop new keep
	holds "$balance, TERM under load: $(load_value new ok) and \
$(load_value keep ok) were answered" \
	    test "$(load_value new ok)" -gt 20 -a "$(load_value keep ok)" -gt 20
	is "$balance, TERM under load: failed otherwise than by being refused" \
	    "$(cat "$tmp/new.failures" "$tmp/keep.failures" |
		awk '$3 != "refused"')" ""
done

# --- a second one ---------------------
start_rota "command: rota-http --delay 60s --journal $tmp/journal
port: 0
count: 2"
port=$(rota_port)
remember
begin_slow 2
kill -TERM "$rota_pid"
holds "a first TERM waits for what is under way" \
    wait_for 10 log_has 1 'signal TERM'
is "it does not end yet" "$(is_alive "$rota_pid" && echo alive)" alive
remember
stop_rota
is "a second TERM ends at once: exit status" "$?" 1
tree_is_gone "a second TERM"
load_stop slow

# --- stop.timeout ---------------------
start_rota "command: rota-http --delay 60s --journal $tmp/journal
port: 0
count: 2
stop: { timeout: 700ms }"
port=$(rota_port)
begin_slow 2
remember
stop_rota
is "stop.timeout: exit status" "$?" 1
like "stop.timeout: the log says so" "$(cat "$log")" \
    '700 ms after it was told to leave'
tree_is_gone "stop.timeout"
load_stop slow

cat >"$tmp/stubborn" <<'END'
#!/bin/sh
trap '' TERM
(trap '' TERM; while :; do sleep 1; done) &
while :; do sleep 1; done
END
chmod 755 "$tmp/stubborn"
start_rota "command: $tmp/stubborn
name: stubborn
count: 2
ready: { when: delay, delay: 100ms }
stop: { timeout: 500ms }"
wait_for 30 all_ready 2 || not_ok "2 workers are ready"
remember
stop_rota
is "a worker that ignores TERM: exit status" "$?" 1
tree_is_gone "a worker that ignores TERM"

cat >"$tmp/polite" <<END
#!/bin/sh
trap 'echo left >>"$tmp/polite.log"; exit 0' HUP
while :; do sleep 0.1; done
END
chmod 755 "$tmp/polite"
start_rota "command: $tmp/polite
name: polite
count: 2
ready: { when: delay, delay: 100ms }
stop: { signal: HUP }"
wait_for 30 all_ready 2 || not_ok "2 workers are ready"
remember
stop_rota
is "stop.signal: exit status" "$?" 0
is "stop.signal: each has got it" "$(grep -c left "$tmp/polite.log")" 2
tree_is_gone "stop.signal"

# --- grandchildren ---------------------
start_rota "command: rota-http --fork --daemon-child
port: 0
count: 2
backoff: { initial: 0 }
ready: { soak: 100ms }"
port=$(rota_port)
holds "workers with grandchildren answer" wait_for 30 workers_answer 2
remember
is "each has two of them" "$(echo "$tree" | wc -w)" 6
for pid in $(answered); do
	kill -KILL "$pid"
done
tree_is_gone "killed workers"
holds "their successors answer" wait_for 20 workers_answer 2
remember
rollout
like "a rollout" "$rollout_result" 'is rolled out'
tree_is_gone "replaced workers" 40
is "no zombie is left" "$(zombies_of "$rota_pid")" ""
remember
is "the new ones have theirs" "$(echo "$tree" | wc -w)" 6
stop_rota
is "rota ends well" "$?" 0
tree_is_gone "stopped workers"

# --- kill -9 of the supervisor ---------------------
for balance in round-robin shared; do
	start_rota "command: rota-http --delay 500ms --journal $tmp/journal
port: 0
count: 2
balance: $balance
stop: { timeout: 5s }"
	port=$(rota_port)
	wait_for 30 all_ready 2 || not_ok "2 workers are ready"
	remember
	begin_slow 10
	kill -KILL "$rota_pid"
	wait "$rota_pid" 2>/dev/null
	tree_is_dead "$balance, kill -9 of rota" 15
	load_stop slow
	is "$balance, kill -9 of rota: begun requests that were answered" \
	    "$(load_value slow ok)" 10
done

start_rota "command: $tmp/polite
name: polite
count: 2
ready: { when: delay, delay: 100ms }
stop: { signal: HUP }"
wait_for 30 all_ready 2 || not_ok "2 workers are ready"
remember
: >"$tmp/polite.log"
kill -KILL "$rota_pid"
wait "$rota_pid" 2>/dev/null
tree_is_dead "dialect plain, kill -9 of rota"
is "dialect plain: each has got its signal" \
    "$(grep -c left "$tmp/polite.log")" 2

start_rota "command: rota-http
port: 0
count: 2
balance: shared
on_supervisor_exit: continue"
port=$(rota_port)
wait_for 30 all_ready 2 || not_ok "2 workers are ready"
remember
kill -KILL "$rota_pid"
wait "$rota_pid" 2>/dev/null
ask 200 -c 4
is "on_supervisor_exit: continue: they still serve" \
    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "200 0"
# shellcheck disable=SC2086 # pids are words
kill -KILL $tree
tree_is_dead "on_supervisor_exit: continue, killed"
done_testing
