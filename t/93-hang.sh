#!/bin/sh
# budget: 180
# health.hang: a worker that takes nothing of what waits for it is replaced,
# and only what it had begun to read is lost; one that is slow, full or idle
# is not taken for hung.  Whether the kernel takes turns or connections are
# handed over.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
app=$tmp/app
: >"$tmp/journal"

# The pool "web" of the program at $app; the rest of its config on stdin.
start_web() {			# start_web COUNT [LINE]
	start_rota "command: $app
name: web
port: 0
count: $1
mechanism: $mechanism
backoff: { initial: 50ms, jitter: 0% }
${2:-}"
	port=$(rota_port)
	holds "$mechanism, $what: $1 workers answer" \
	    wait_for 30 workers_answer "$1"
}

stop_web() {
	stop_rota
	is "$mechanism, $what: rota ends well" "$?" 0
}

# What the worker of this pid has failed without having taken it.
not_excused() {			# not_excused PID NAME
	awk -v pid="$1" -v journal="$tmp/journal" '
	    BEGIN {
		while ((getline <journal) > 0)
			if ($1 == pid)
				begun[$2] = 1
	    }
	    !($1 in begun) || $3 !~ /^(reset|early_eof|reused_eof)$/' \
	    "$tmp/$2.failures" 2>"$tmp/no_failures"
}

is_replaced() {			# is_replaced PID: it was found hung
	log_has 1 "pid $1: hung: [0-9]+ connections wait" &&
	    log_has 1 "pid $1: left, signal 9 \(Killed\), hung"
}

voluntary_switches() {		# of the supervisor
	sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' \
	    "/proc/$rota_pid/status"
}

is_at_rest() {
	_switches=$(voluntary_switches)
	sleep 1
	[ "$(voluntary_switches)" -eq "$_switches" ]
}

# --- found -------------------------------------------------------------------
stopped() {
	what="stopped"
	deploy "exec rota-http --journal $tmp/journal"
	start_web 4 "health: { hang: 1s }"
	load_start new -c 16 --timeout 20s
	load_start keep -c 4 --mode keep --timeout 20s
	victim=$(pids_of web | sed -n 2p)
	kill -STOP "$victim"
	holds "$mechanism, $what: it is replaced" \
	    wait_for 20 is_replaced "$victim"
	holds "$mechanism, $what: 4 workers answer again" \
	    wait_for 20 workers_answer 4
	load_stop new keep
	is "$mechanism, $what: failed requests that it had not taken" \
	    "$(not_excused "$victim" new)$(not_excused "$victim" keep)" ""
	holds "$mechanism, $what: others were answered" \
	    test "$(load_value new ok)" -gt 100
	like "$mechanism, $what: status says how it ended" "$(state web)" \
	    "\"slot\":1,\"state\":\"ready\",.*\"restarts\":1,.*\"pid\":\
$victim,\"reason\":\"signal 9 \(Killed\), hung\""
	rota events --json
	like "$mechanism, $what: it is an event" "$(cat "$tmp/out")" \
	    "\"kind\":\"hung\".*\"pid\":$victim|\"pid\":$victim.*\"hung\""
	stop_web
}

# It burns CPU at its first request, which is lost.
busy() {
	what="busy"
	rm -f "$tmp/burnt"
	deploy "if [ \"\$ROTA_SLOT\" = 1 ] && [ ! -e '$tmp/burnt' ]; then" \
	    "	: >'$tmp/burnt'" \
	    "	exec rota-http --journal $tmp/journal --burn 10m" \
	    "fi" "exec rota-http --journal $tmp/journal"
	start_rota "command: $app
name: web
port: 0
count: 3
mechanism: $mechanism
backoff: { initial: 0 }
health: { hang: 1s }"
	port=$(rota_port)
	holds "$mechanism, $what: 3 workers are ready" wait_for 30 all_ready 3
	victim=$(pids_of web | sed -n 2p)
	load_start busy -c 16 --timeout 20s
	holds "$mechanism, $what: it is replaced" \
	    wait_for 20 is_replaced "$victim"
	holds "$mechanism, $what: 3 workers answer" \
	    wait_for 20 workers_answer 3
	load_stop busy
	is "$mechanism, $what: failed requests that it had not taken" \
	    "$(not_excused "$victim" busy)" ""
	holds "$mechanism, $what: one that it had is lost" \
	    test "$(load_value busy failed)" -ge 1
	stop_web
}

# With nobody else its successor gets what waits.
alone() {
	what="alone"
	deploy "exec rota-http"
	start_web 1 "health: { hang: 300ms }"
	victim=$(pids_of web)
	kill -STOP "$victim"
	ask 10 -c 10 --timeout 20s
	is "$mechanism, $what: who waited is answered" \
	    "$(ok_failed "$tmp/ask")" "10 0"
	holds "$mechanism, $what: it was replaced" is_replaced "$victim"
	stop_web
}

# Those that find its queue full come back to another; what is given to it
# then says nothing of what it takes.
overrun() {
	what="overrun"
	deploy "exec rota-http --journal $tmp/journal"
	start_web 2 "backlog: 4
health: { hang: 500ms }"
	victim=$(pids_of web | sed -n 1p)
	kill -STOP "$victim"
	load_start overrun -c 32 --timeout 20s
	holds "$mechanism, $what: it is replaced" \
	    wait_for 20 is_replaced "$victim"
	load_stop overrun
	is "$mechanism, $what: failed requests that it had not taken" \
	    "$(not_excused "$victim" overrun)" ""
	stop_web
}

# --- not taken for hung ------------------------------------------------------
slow() {
	what="slow"
	deploy "exec rota-http --only-slot 1 --block 100ms --block-path /"
	start_rota "command: $app
name: web
port: 0
count: 3
mechanism: $mechanism
health: { hang: 1s }"
	port=$(rota_port)
	holds "$mechanism, $what: 3 workers are ready" wait_for 30 all_ready 3
	ask 100 -c 12 --timeout 20s
	is "$mechanism, $what: all are answered" \
	    "$(ok_failed "$tmp/ask")" "100 0"
	is "$mechanism, $what: none is taken for hung" "$(log_count hung)" 0
	stop_web
}

full() {
	what="full"
	deploy "exec rota-http --block 100ms --block-path /"
	start_rota "command: $app
name: web
port: 0
count: 1
backlog: 2
mechanism: $mechanism
health: { hang: 800ms }"
	port=$(rota_port)
	holds "$mechanism, $what: it is ready" wait_for 30 all_ready 1
	ask 40 -c 12 --timeout 30s
	is "$mechanism, $what: all are answered" \
	    "$(ok_failed "$tmp/ask")" "40 0"
	is "$mechanism, $what: it is not taken for hung" "$(log_count hung)" 0
	stop_web
}

idle() {
	what="idle"
	deploy "exec rota-http"
	start_web 4 "health: { hang: 200ms }"
	ask 40 -c 8
	holds "$mechanism, $what: the supervisor sleeps" wait_for 20 is_at_rest
	is "$mechanism, $what: none is taken for hung" "$(log_count hung)" 0
	stop_web
}

# --- without the key; then it is applied -------------------------------------
unset_key() {
	what="without the key"
	deploy "exec rota-http"
	start_web 4
	before=$(slots_of web)
	victim=$(pids_of web | sed -n 3p)
	load_start without -c 16 --timeout 10s
	kill -STOP "$victim"
	sleep 5				# as long as it may well last
	kill -CONT "$victim"
	holds "$mechanism, $what: 4 workers answer" \
	    wait_for 20 workers_answer 4
	load_stop without
	no_failures "$mechanism, $what: stopped for 5 s" without
	is "$mechanism, $what: nothing is replaced" "$(slots_of web)" \
	    "$before"
	echo "health: { hang: 300ms }" >>"$rota_config"
	rota apply
	is "$mechanism, $what: it is applied" "$status" 0
	is "$mechanism, $what: for which nobody is replaced" \
	    "$(slots_of web)" "$before"
	kill -STOP "$victim"
	ask 40 -c 40 --timeout 20s
	is "$mechanism, $what: then it is replaced" \
	    "$(ok_failed "$tmp/ask") $(is_replaced "$victim"; echo $?)" "40 0 0"
	stop_web
}

# --- what it had taken and not read ------------------------------------------
# The first worker of slot 0 takes five connections, reads from one of them,
# and then nothing more; one of them it has twice.
cat >"$tmp/hoard.py" <<'END'
import array, os, socket, time
ipc = socket.socket(fileno=int(os.environ["ROTA_IPC_FD"]))
queue = socket.socket(fileno=int(os.environ["ROTA_CONN_FD"]))
ipc.sendall(b'{"rota":"ready"}\n')
conns = []
while len(conns) < 5:
    _, control, _, _ = queue.recvmsg(1, socket.CMSG_SPACE(4))
    fds = array.array("i", control[0][2])
    conns.append(socket.socket(fileno=fds[0]))
twice = conns[1].dup()
conns[0].settimeout(60)
conns[0].recv(1)
time.sleep(600)
END
hoard() {
	what="hoard"
	rm -f "$tmp/hoarded"
	deploy "if [ \"\$ROTA_SLOT\" = 0 ] && [ ! -e '$tmp/hoarded' ]; then" \
	    "	: >'$tmp/hoarded'" "	exec $python $tmp/hoard.py" "fi" \
	    "exec rota-http"
	start_rota "command: $app
name: web
port: 0
count: 2
mechanism: hand-over
health: { hang: 1s }"
	port=$(rota_port)
	holds "$mechanism, $what: 2 workers are ready" wait_for 30 all_ready 2
	victim=$(pids_of web | sed -n 1p)
	ask 40 -c 40 --timeout 20s
	if log_has 1 'cannot be taken back'; then
		skip "$mechanism, $what: one is lost, which it had begun" \
		    "the kernel does not permit it"
	else
		is "$mechanism, $what: one is lost, which it had begun" \
		    "$(ok_failed "$tmp/ask")" "39 1"
		holds "$mechanism, $what: it is said" log_has 1 \
		    "pid $victim: 4 connections that it had accepted"
	fi
	holds "$mechanism, $what: it is replaced" is_replaced "$victim"
	stop_web
}

# What the kernel does where it can; and what the supervisor does.
start_rota "command: rota-http
name: web
port: 0
count: 1"
mechanisms=hand-over
state | grep -q '"mechanism":"kernel"' && mechanisms="kernel hand-over"
stop_rota
for mechanism in $mechanisms; do
	stopped
	busy
	alone
	slow
	idle
	unset_key
done
if [ "$mechanisms" != hand-over ]; then
	mechanism=kernel
	full
	overrun
else
	skip "kernel, overrun: it is replaced" "connections are handed over"
fi
mechanism=hand-over
if find_python; then
	hoard
else
	skip "$mechanism, hoard: one is lost" "no Python"
fi
done_testing
