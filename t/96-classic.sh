#!/bin/sh
# budget: 240
# Without privilege the kernel has a listener for each slot all the same, and
# chooses one by chance: even shares for programs that know nothing of rota,
# and what is changed under load costs no request.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
ROTA_MECHANISM=classic
export ROTA_MECHANISM
app=$tmp/app
: >"$tmp/journal"

start_web() {			# start_web COUNT [KEY...]
	count=$1
	shift
	start_rota "$(printf '%s\n' \
	    "command: rota-http --fd 3 --journal $tmp/journal" \
	    "name: web" "port: 0" "count: $count" "dialect: plain" \
	    "backoff: { initial: 50ms, jitter: 0% }" \
	    "ready: { delay: 100ms, soak: 100ms }" "$@")"
	port=$(rota_port)
	holds "$what: $count workers are ready" wait_for 30 all_ready "$count"
}

stop_web() {
	stop_rota
	is "$what: rota ends well" "$?" 0
}

mechanism_is() {		# mechanism_is MECHANISM REASON
	like "$what: status names it, and why" "$(state)" \
	    "\"mechanism\":\"$1\",\"reason\":$2"
}

# What killed workers have failed without having noted that they took it: for
# each of them it may be one, between the two.
is_excused() {			# is_excused NAME
	_not_noted=$(not_noted "$1" | wc -l)
	is "$what: failed otherwise than by a worker's end" "$(awk \
	    '$3 !~ /^(reset|early_eof|reused_eof)$/' "$tmp/$1.failures")" ""
	holds "$what: failed, and begun by nobody that we know: $_not_noted" \
	    test "$_not_noted" -le "$(wc -l <"$tmp/killed")"
}

not_noted() {			# not_noted NAME
	awk -v killed="$tmp/killed" -v journal="$tmp/journal" '
	    BEGIN {
		while ((getline <killed) > 0)
			dead[$1] = 1
		while ((getline <journal) > 0)
			if ($1 in dead)
				begun[$2] = 1
	    }
	    !($1 in begun)' "$tmp/$1.failures" 2>"$tmp/no_failures"
}

# Off by 6 standard deviations is nobody by chance.
is_even() {			# is_even WORKERS: the last ask
	awk -F = -v workers="$1" '
	    $1 == "ok" { total = $2 }
	    /^pid\./ { got[$1] = $2; n++ }
	    END {
		mean = total / workers
		variance = mean * (1 - 1 / workers)
		for (pid in got)
			if ((got[pid] - mean) ^ 2 > 36 * variance) {
				print got[pid], "of", total
				exit 1
			}
		exit n != workers
	    }' "$tmp/ask"
}

what=even
start_web 4
if ! state | grep -q '"mechanism":"classic BPF"'; then
	skip_all "$(state | sed -n 's/.*"mechanism":"\([^"]*\)".*/\1/p')"
fi
mechanism_is "classic BPF" '"ROTA_MECHANISM is classic"'
like "$what: the log says so" "$(cat "$log")" \
    'by chance \(classic BPF\).*: ROTA_MECHANISM is classic'
rota status
like "$what: what each has been given is not known" "$(cat "$tmp/out")" \
    '^ +0 +ready .* - +0 +0'
ask 2000 -c 8
is "$what: all are answered" "$(ok_failed "$tmp/ask")" "2000 0"
holds "$what: each has its share" is_even 4

# --- under load ---------------------------------------------------------------
what=changes
load_start new -c 8 --timeout 20s
load_start keep -c 8 --mode keep --timeout 20s
for _ in 1 2; do
	rollout
	like "$what: a rolling restart" "$rollout_result" 'is rolled out'
done
for n in 8 3 1 4; do
	rota scale web "$n"
	is "$what: scale to $n" "$status" 0
done
for slot in 0 2; do
	rota restart "web:$slot"
	is "$what: restart slot $slot" "$status" 0
	rota stop "web:$slot"
	is "$what: stop slot $slot" "$status" 0
	sleep 0.3			# the others have it all
	rota start "web:$slot"
	is "$what: start slot $slot" "$status" 0
done
holds "$what: all are ready" wait_for 20 all_are ready 4 web
load_stop new keep
no_failures "$what" new keep
holds "$what: old ones have left" wait_for 20 is_quiet
ask 2000 -c 8
is "$what: in the end all are answered" "$(ok_failed "$tmp/ask")" "2000 0"
holds "$what: in the end each has its share" is_even 4

what=killed
: >"$tmp/killed"
load_start new -c 8 --timeout 20s
for i in 1 2 3 4 3 2 1; do
	pid=$(pids_of web | sed -n ${i}p)
	kill -KILL "$pid"
	echo "$pid" >>"$tmp/killed"
	holds "$what: $i has a successor" wait_for 10 all_are ready 4 web
done
load_stop new
is_excused new
holds "$what: others were answered" test "$(load_value new ok)" -gt 100
stop_web

# --- a program that drops what it has accepted when it is told to leave -------
what=rude
cat >"$tmp/rude.py" <<'END'
import os, select, signal, socket, sys, time

going = [1]
signal.signal(signal.SIGTERM, lambda *_: going.clear())
listener = socket.socket(fileno=3)
body = b"Handled by process %d.\nCached value: none\n" % os.getpid()
answer = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
          b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" %
          (len(body), body))
os.write(int(sys.argv[1]), b"\n")
while going:
    select.select([listener], [], [], 0.05)
    clients = []
    try:
        while True:
            clients.append(listener.accept()[0])
    except BlockingIOError:
        pass
    time.sleep(0.003)
    while going and clients:
        with clients.pop() as client:
            client.recv(65536)
            client.sendall(answer)
END
python=$(python3 -c 'import sys; print(sys.executable)' 2>"$tmp/python")
if [ -n "$python" ]; then
	start_rota "command: $python -I -S $tmp/rude.py {ready_fd}
name: web
port: 0
count: 3
dialect: plain
ready: { when: fd, soak: 100ms }"
	port=$(rota_port)
	holds "$what: 3 workers answer" wait_for 30 workers_answer 3
	load_start new -c 8 --timeout 20s
	for _ in 1 2 3; do
		rollout
		like "$what: a rolling restart" "$rollout_result" \
		    'is rolled out'
	done
	rota scale web 2
	is "$what: scale to 2" "$status" 0
	rota restart web:1
	is "$what: restart slot 1" "$status" 0
	holds "$what: that is over" wait_for 20 is_quiet
	load_stop new
	no_failures "$what" new
	stop_web
else
	skip "$what: 3 workers answer" "no Python"
fi

# --- from and to other ways ---------------------------------------------------
what=ways
config() {			# config KEY...
	printf '%s\n' "name: web" "command: rota-http" \
	    'listen: ["127.0.0.1:0"]' "count: 3" "$@"
}
plain() {			# plain KEY...
	config "dialect: plain" "ready: { delay: 100ms, soak: 50ms }" "$@" |
	    sed 's/^command: .*/& --fd 3/'
}
apply() {			# apply MECHANISM CONFIG
	echo "$2" >"$rota_config"
	rota apply
	is "$what: apply for $1" "$status" 0
	mechanism_is "$1" '.*'
}
start_rota "$(plain "balance: shared")"
port=$(rota_port)
holds "$what: 3 workers are ready" wait_for 30 all_ready 3
load_start new -c 8 --timeout 20s
load_start keep -c 8 --mode keep --timeout 20s
apply "classic BPF" "$(plain)"
apply "shared listener" "$(plain "balance: shared")"
apply "classic BPF" "$(plain "balance: least-connections" "backlog: 100")"
apply hand-over "$(config "ready: { soak: 50ms }")"
apply "classic BPF" "$(plain "balance: random")"
apply "shared listener" "$(plain "balance: sticky")"
load_stop new keep
no_failures "$what" new keep
stop_web
rm -f "$tmp/sock"
start_rota "$(plain | sed "s|127.0.0.1:0|unix:$tmp/sock|")"
what=unix
mechanism_is "shared listener" '"the kernel takes no turns over unix sockets"'
stop_web

# --- what waits for a slot that is stopped outlives a rolling restart --------
what=backlog
if [ -n "$python" ]; then
	start_rota "command: sleep 1000
name: web
port: 0
count: 2
dialect: plain
ready: { delay: 50ms, soak: 0 }"
	port=$(rota_port)
	holds "$what: 2 workers are ready" wait_for 30 all_ready 2
	start "$tmp/clients" "$python" -I -S -c '
import os, socket, sys, time
conns = [socket.create_connection(("127.0.0.1", int(sys.argv[1])))
         for _ in range(40)]
print("open", flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
waiting = 0
for c in conns:
    c.setblocking(False)
    try:
        c.recv(1)
    except BlockingIOError:
        waiting += 1
    except OSError:
        pass
print(waiting, flush=True)' "$port" "$tmp/look"
	clients=$started_pid
	holds "$what: 40 connections wait" wait_for 20 grep -q open \
	    "$tmp/clients"
	rota stop web:1
	is "$what: stop slot 1" "$status" 0
	rollout
	like "$what: a rolling restart" "$rollout_result" 'is rolled out'
	rota start web:1
	is "$what: start slot 1" "$status" 0
	: >"$tmp/look"
	reap 10 "$clients"
	is "$what: they still do" "$(sed -n 2p "$tmp/clients")" 40
	stop_web
else
	skip "$what" "no Python"
fi

# --- hung, and rogue ----------------------------------------------------------
what=hung
start_web 3 "health: { hang: 1s }"
load_start new -c 16 --timeout 20s
victim=$(pids_of web | sed -n 2p)
echo "$victim" >"$tmp/killed"
kill -STOP "$victim"
holds "$what: it is replaced" wait_for 20 log_has 1 \
    "pid $victim: left, signal 9 \(Killed\), hung"
holds "$what: 3 are ready" wait_for 20 all_are ready 3 web
load_stop new
is_excused new
is "$what: nobody else was taken for hung" "$(log_count ': hung: ')" 1
stop_web

# Its listener comes back, at another place in the kernel's order.
what=shut
deploy 'if [ "$ROTA_SLOT" = 1 ] && [ ! -e '"$tmp/shut"' ]; then' \
    "	: >$tmp/shut" \
    '	exec python3 -I -S -c "import socket, time
socket.socket(fileno=3).shutdown(socket.SHUT_RDWR)
time.sleep(600)"
fi' 'exec rota-http --fd 3'
start_rota "command: $app
name: web
port: 0
count: 4
dialect: plain
ready: { delay: 100ms, soak: 0 }"
port=$(rota_port)
holds "$what: it is noticed" wait_for 20 log_has 1 \
    'slot 1 has shut down its listener .*; it listens again'
rota stop web:1
is "$what: stop slot 1" "$status" 0
ask 300 -c 4 --timeout 5s
is "$what: the others answer" \
    "$(ok_failed "$tmp/ask") $(value pids "$tmp/ask")" "300 0 3"
rota start web:1
holds "$what: all answer again" wait_for 20 workers_answer 4
stop_web

# --- the whole pool is stopped ------------------------------------------------
# One worker is still busy, and has closed its listener: nor may the supervisor
# keep it open for as long as that.
what=stop
port=$(free_port 1)
start_rota "command: rota-http --fd 3 --delay 8s
name: web
port: $port
count: 3
dialect: plain
ready: { delay: 100ms, soak: 0 }"
holds "$what: 3 workers are ready" wait_for 30 all_ready 3
start "$tmp/busy" "$load" --port "$port" -n 1 --timeout 30s
busy=$started_pid
has_client() {			# a connection is open
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
	    grep -q ":$(printf %04X "$port") [^ ]* 01 "
}
is_refused() {			# all are
	ask 10 -c 10 --timeout 300ms
	[ "$(value failed_refused "$tmp/ask")" = 10 ]
}
holds "$what: one of them is busy" wait_for 10 has_client
command_start stop stop web
holds "$what: clients are refused" wait_for 6 is_refused
holds "$what: it is still busy" is_alive "$busy"
command_end stop
is "$what: the command ends well" "$?" 0
reap 20 "$busy"
is "$what: the last request is answered" "$(ok_failed "$tmp/busy")" "1 0"
rota start web
is "$what: start it again" "$status" 0
holds "$what: 3 workers are ready again" wait_for 30 all_are ready 3 web
stop_web

# --- the supervisor dies ------------------------------------------------------
what=alone
start_web 4 "on_supervisor_exit: continue"
pids=$(pids_of web)
for pid in $pids; do
	started "$pid"
done
load_start new -c 8 --timeout 20s
kill -KILL "$rota_pid"
reap 10 "$rota_pid"
ask 2000 -c 8
is "$what: all are answered" "$(ok_failed "$tmp/ask")" "2000 0"
holds "$what: each has its share" is_even 4
load_stop new
no_failures "$what" new
for pid in $pids; do
	kill -TERM "$pid"
done
# shellcheck disable=SC2086 # one word for each
holds "$what: they leave when they are told to" wait_for 20 none_alive $pids

# --- really without privilege -------------------------------------------------
what=unprivileged
unset ROTA_MECHANISM
if ! setpriv --bounding-set=-all --inh-caps=-all true 2>"$tmp/setpriv"; then
	skip "$what" "setpriv cannot take capabilities away here"
	done_testing
fi
ROTA_WRAP="setpriv --bounding-set=-all --inh-caps=-all ${ROTA_WRAP:-}"
start_web 4
mechanism_is "classic BPF" '"[^"]+"'	# whatever is missing
ask 2000 -c 8
is "$what: all are answered" "$(ok_failed "$tmp/ask")" "2000 0"
holds "$what: each has its share" is_even 4
stop_web

done_testing
