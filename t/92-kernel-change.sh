#!/bin/sh
# budget: 240
# The kernel takes turns, and what is changed under load costs no request:
# rolling restarts, good and bad ones, scaling, another mechanism or balance,
# and the death of the supervisor.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
# shellcheck source=t/kernel.sh
. "$top_srcdir/t/kernel.sh"

lines() {			# lines FILE
	wc -l <"$1" 2>/dev/null || echo 0
}

both_loads() {			# new connections, and kept ones
	load_start new -c 8 --timeout 20s
	load_start keep -c 8 --mode keep --timeout 20s
}

# --- rolling restarts ---------------------------------------------------------
# plain: a program that takes a descriptor and knows nothing of rota.
for kind in rota plain; do
	case $kind in
	rota)	words='' more='soak: 200ms' ;;
	plain)	words='--fd 3' more='soak: 1s, delay: 100ms' ;;
	esac
	rm -f "$tmp"/journal.*
	deploy "exec rota-http $words --journal $tmp/journal.\$ROTA_GENERATION"
	start_rota "command: $app
name: web
port: 0
count: 4
dialect: $kind
mechanism: kernel
ready: { $more }"
	port=$(rota_port)
	holds "$kind: 4 workers answer" wait_for 30 workers_answer 4
	both_loads
	for _ in 1 2; do
		rollout
		like "$kind: a rolling restart" "$rollout_result" \
		    'is rolled out'
	done

	# The new ones are ready, and crash while they are watched.
	deploy "exec rota-http $words --die-after 150ms --exit 7 \\" \
	    "    --journal $tmp/journal.\$ROTA_GENERATION"
	rollout
	like "$kind: one that crashes in its soak" "$rollout_result" \
	    'failed and is rolled back'
	load_stop new keep
	no_failures "$kind: meanwhile" new keep
	is "$kind: it has had no connection" "$(lines "$tmp/journal.4")" 0
	holds "$kind: those before it have" test "$(lines "$tmp/journal.3")" \
	    -gt 4
	ask 400 -c 16
	turns_are_exact "$kind: after all that" 4
	stop_rota
	is "$kind: rota ends well" "$?" 0
done

# One that does not wait for what it has not yet accepted.
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' \
    2>"$tmp/python"; then
	start_rota "command: python3 $top_srcdir/t/worker.py
name: web
port: 0
count: 3
dialect: systemd
mechanism: kernel
ready: { soak: 100ms }"
	port=$(rota_port)
	holds "systemd: 3 workers answer" wait_for 30 workers_answer 3
	load_start new -c 8 --timeout 20s
	rollout
	like "systemd: a rolling restart" "$rollout_result" 'is rolled out'
	load_stop new
	no_failures "systemd: meanwhile" new
	stop_rota
	is "systemd: rota ends well" "$?" 0
else
	skip "systemd: 3 workers answer" "no Python 3.9 or later"
fi

# Nor one that is stopped: what waits for it is moved.
start_rota "command: rota-http
name: web
port: 0
count: 3
ready: { soak: 100ms }
stop: { timeout: 20s }"
port=$(rota_port)
holds "hung: 3 workers answer" wait_for 30 workers_answer 3
victim=$(pids_of web | sed -n 2p)
kill -STOP "$victim"
start "$tmp/waiting" "$load" --port "$port" -n 60 -c 60 --timeout 15s
waiting=$started_pid
holds "hung: connections wait for it" wait_for 10 waits_for 20
rollout
like "hung: it is replaced" "$rollout_result" 'is rolled out'
reap 20 "$waiting"
is "hung: who waited is answered before it is killed" \
    "$(ok_failed "$tmp/waiting") $(is_alive "$victim" && echo alive)" \
    "60 0 alive"
kill -CONT "$victim"
stop_rota
is "hung: rota ends well" "$?" 0

# --- scale, mechanism and balance ---------------------------------------------
config() {			# config KEY...: of the pool
	printf '%s\n' "name: web" "command: rota-http" \
	    "listen: [\"127.0.0.1:0\"]" "count: 2" \
	    "ready: { soak: 50ms }" "$@"
}

apply() {			# apply KEY...
	config "$@" >"$rota_config"
	rota apply
	is "apply ${*:-of neither}" "$status" 0
}

mechanism_is() {		# mechanism_is WORD
	is "it is: $1" "$(state | sed -n \
	    's/.*"mechanism":"\([^"]*\)","reason":null.*/\1/p')" "$1"
}

start_rota "$(config)"
port=$(rota_port)
holds "change: 2 workers answer" wait_for 30 workers_answer 2
both_loads
for n in 8 3; do
	rota scale web "$n"
	is "change: scale to $n" "$status" 0
	holds "change: $n workers answer" wait_for 20 workers_answer "$n"
done
for how in hand-over kernel hand-over; do
	apply "mechanism: $how"
	mechanism_is "$how"
	holds "change: 2 workers answer" wait_for 20 workers_answer 2
done
for how in shared round-robin shared; do
	apply "balance: $how"
	case $how in
	shared)	mechanism_is "shared listener" ;;
	*)	mechanism_is kernel ;;
	esac
done
apply
apply "backlog: 100" "defer_accept: yes"
load_stop new keep
no_failures "change: meanwhile" new keep
ask 300 -c 16
turns_are_exact "change: in the end" 2
stop_rota
is "change: rota ends well" "$?" 0

# The same for a program that knows nothing.
plain() {			# plain KEY...
	config "dialect: plain" "$@" | sed 's/^command: .*/& --fd 3/
		s/^ready: .*/ready: { delay: 100ms, soak: 50ms }/'
}
start_rota "$(plain "balance: shared")"
port=$(rota_port)
holds "change, plain: 2 workers are ready" wait_for 30 all_ready 2
both_loads
for how in round-robin shared round-robin; do
	plain "balance: $how" >"$rota_config"
	rota apply
	is "change, plain: apply balance: $how" "$status" 0
done
mechanism_is kernel
load_stop new keep
no_failures "change, plain: meanwhile" new keep
ask 300 -c 16
turns_are_exact "change, plain: in the end" 2
stop_rota
is "change, plain: rota ends well" "$?" 0

# --- a listener that was made blocking ----------------------------------------
# For FastCGI programs, that is; the supervisor must not wait in it.
fcgi() {			# fcgi KEY...
	printf '%s\n' "name: web" "listen: [\"127.0.0.1:0\"]" "count: 2" "$@"
}
for how in kernel hand-over; do
	start_rota "$(fcgi "command: sleep 1000" "dialect: plain" \
	    "balance: shared" "stdin: listener" \
	    "ready: { delay: 50ms, soak: 0 }")"
	port=$(rota_port)
	holds "blocking, $how: 2 workers are ready" wait_for 30 all_ready 2
	if [ $how = kernel ]; then
		fcgi "command: sleep 1000" "dialect: plain" \
		    "mechanism: kernel" "ready: { delay: 50ms, soak: 0 }" \
		    >"$rota_config"
		rota apply
		is "blocking, $how: apply it" "$status" 0
	fi
	fcgi "command: rota-http" "mechanism: hand-over" \
	    "ready: { soak: 0 }" >"$rota_config"
	start "$tmp/apply.said" "$top_builddir/rota" apply
	reap 20 "$started_pid"
	is "blocking, $how: apply hand-over" "$?" 0
	ask 10 --timeout 5s
	is "blocking, $how: they answer" "$(ok_failed)" "10 0"
	holds "blocking, $how: the supervisor does not wait for a client" \
	    timeout 10 "$top_builddir/rota" status
	stop_rota
	is "blocking, $how: rota ends well" "$?" 0
done

# --- what cannot be -----------------------------------------------------------
printf '%s\n' "command: rota-http" "port: 0" "mechanism: kernel" \
    >"$tmp/no.yaml"
PATH=$top_builddir:$PATH ROTA_MECHANISM=hand-over \
    "$top_builddir/rota" run "$tmp/no.yaml" >"$tmp/out" 2>&1 </dev/null
is "mechanism: kernel, and it is not to be had" "$?" 1
like "it is said why" "$(cat "$tmp/out")" \
    'mechanism: kernel is not to be had: ROTA_MECHANISM is hand-over'

# --- the supervisor dies ------------------------------------------------------
port=$(free_port 1)
start_rota "command: rota-http
name: web
port: $port
count: 3
on_supervisor_exit: continue"
holds "alone: 3 workers answer" wait_for 30 workers_answer 3
pids=$(pids_of web)
for pid in $pids; do
	started "$pid"
done
cp "$rota_config" "$tmp/second.yaml"
second() {			# another rota at the same port
	PATH=$top_builddir:$PATH ROTA_RUNTIME_DIR=$tmp/second \
	    "$top_builddir/rota" run "$tmp/second.yaml" \
	    >"$tmp/out" 2>&1 </dev/null
	is "$1: another rota is refused" "$?" 1
	like "$1: since the port is in use" "$(cat "$tmp/out")" \
	    "$port.*in use"
}
second "beside the first"
both_loads
wait_for 10 ask 30
kill -KILL "$rota_pid"
reap 10 "$rota_pid"
second "after its death"
wait_for 10 ask 300
load_stop new keep
no_failures "alone: meanwhile" new keep
ask "$(by_scale 3000 300)" -c 16
turns_are_exact "alone: without a supervisor" 3
for pid in $pids; do
	kill -TERM "$pid"
done
# shellcheck disable=SC2086 # one word for each
holds "alone: they leave when they are told to" wait_for 20 none_alive $pids
run_rota
holds "alone: then there can be another" wait_for 30 workers_answer 3
stop_rota
is "alone: rota ends well" "$?" 0

done_testing
