#!/bin/sh
# budget: 180
# Defects of commands and changes that were found and mended, each as it was
# come upon: connections that nobody reads, and slots that fail together.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"

write_config() {		# from standard input
	cat >"$tmp/config.new" && mv -f "$tmp/config.new" "$rota_config"
}

# While "lazy" is there a worker reads none of its connections; while "hangs"
# is, it does not get ready.
cat >"$tmp/app" <<END
#!/bin/sh
[ ! -e "$tmp/hangs" ] || exec sleep 1000
[ ! -e "$tmp/lazy" ] || exec "$top_builddir/t/stamp"
exec "$top_builddir/rota-http"
END
chmod 755 "$tmp/app"

# So many connections were given to those who read none of them.
unread() {			# unread COUNT
	[ "$(state web | grep -o '"handed":[0-9]*' |
	    awk -F: '{ n += $2 } END { print n + 0 }')" -eq "$1" ]
}

# Clients whose connections a worker has and does not read.
leave_unread() {		# leave_unread COUNT [OPTION...]
	_unread=$1
	shift
	load_start unread -n "$_unread" -c "$_unread" --timeout 15s "$@"
	holds "$case: connections are given to it" wait_for 20 unread "$_unread"
}

serves() {			# serves NAME: on $port
	ask 6 --timeout 5s
	is "$case: $1" "$(value failed "$tmp/ask")" 0
}

are_answered() {		# those of leave_unread
	load_stop unread
	no_failures "$case: they are answered after all" unread
}

nobody_hangs() {			# of them: answered, or told so
	load_stop unread
	is "$case: no client hangs" "$(load_value unread failed_timeout)" 0
}

ends_well() {
	stop_rota
	is "$case: rota ends well" "$?" 0
	rm -f "$tmp/lazy" "$tmp/hangs"
}

# --- connections that nobody reads ------------------------------------------
two() {				# two ADDRESSES
	printf '%s\n' "command: $tmp/app" "name: web" "listen: [$1]" \
	    "mechanism: $how" "count: 2" "ready: { soak: 100ms }" \
	    "stop: { timeout: 2s }"
}

shared() {			# shared KEY
	printf '%s\n' "command: $tmp/app" "name: web" "port: $port" \
	    "count: 2" "$1" "ready: { soak: 100ms }" \
	    "stop: { timeout: 500ms }"
}

# One that has connections, of which it reads none.
start_lazy() {			# start_lazy FREE-PORT
	port=$(free_port "$1")
	: >"$tmp/lazy"
	start_rota "command: $tmp/app
name: web
count: 1
port: $port
mechanism: $how
ready: { soak: 100ms }"
	holds "$case: it is up" wait_for 20 all_ready 1
	leave_unread 3
	rm "$tmp/lazy"
}

# In the queue of a slot, or in a listener of its own.
for how in hand-over auto; do
	case="stop, $how"
	start_lazy 1
	rota stop web
	is "$case: the pool is stopped" "$(said)" "0 web:0 is stopped"
	rota start web
	is "$case: it is started again" "$(said)" "0 web:0 is up"
	serves "new clients are served"
	nobody_hangs
	ends_well

	case="stop of a slot, $how"
	start_lazy 2
	rota stop web:0
	is "$case: it is stopped" "$(said)" "0 web:0 is stopped"
	rota start web:0
	is "$case: it is started again" "$(said)" "0 web:0 is up"
	serves "new clients are served"
	are_answered
	ends_well

	case="a listener is dropped, $how"
	other=$(free_port 8)
	port=$(free_port 9)
	: >"$tmp/lazy"
	start_rota "$(two "127.0.0.1:$other, 127.0.0.1:$port")"
	holds "$case: it is up" wait_for 20 all_ready 2
	leave_unread 4
	rm "$tmp/lazy"
	two "127.0.0.1:$other" | write_config
	rota apply
	is "$case: it is applied" "$status" 0
	port=$other
	serves "the other one serves on"
	holds "$case: the old workers leave" wait_for 20 is_quiet
	serves "and when they have left"
	nobody_hangs
	ends_well

	case="to shared, $how"
	port=$(free_port 3)
	: >"$tmp/lazy"
	start_rota "$(shared "mechanism: $how")"
	holds "$case: it is up" wait_for 20 all_ready 2
	leave_unread 3
	rm "$tmp/lazy"
	shared "balance: shared" | write_config
	for pid in $(pids_of web); do
		kill -STOP "$pid"	# it will not leave, and is killed
	done
	rota apply
	is "$case: it is applied" "$status" 0
	serves "new clients are served"
	nobody_hangs
	holds "$case: nobody else is left" wait_for 20 nobody_else web
	ends_well
done

# --- slots that fail together ------------------------------------------------
case="batch of 4"
start_rota "command: $tmp/app
name: web
count: 4
port: 0
reload: { batch: all }
ready: { soak: 100ms }"
holds "$case: it is up" wait_for 20 all_ready 4
pids=$(pids_of web)
: >"$tmp/hangs"
command_start reload reload web
holds "$case: the new workers are started" wait_for 20 \
    log_has 4 'started, generation 2'
started='s/.*web\[[12]\] pid \([0-9]*\): started, generation 2.*/\1/p'
kill -STOP "$rota_pid"
sed -n "$started" "$log" | xargs kill -KILL
kill -CONT "$rota_pid"
command_end reload
is "$case: two of them fail in one go" "$?" 1
like "$case: it is rolled back" "$(cat "$tmp/reload.said")" 'rolled back'
is "$case: and nothing is incomplete" "$(log_count incomplete)" 0
is "$case: the old ones stay" "$(pids_of web)" "$pids"
holds "$case: nobody else is left" wait_for 20 nobody_else web
ends_well

case=probe
flaky() {			# flaky COUNT
	printf '%s\n' "argv: [sh, -c, '[ -e $tmp/fixed ] && exec sleep 1000']" \
	    "name: web" "count: $1" "dialect: plain" \
	    "backoff: { initial: 1s, max: 1s, jitter: 0% }" \
	    "ready: { soak: 100ms, delay: 100ms }"
}
removed_probes() {
	grep probes "$log" | tail -n 1 | grep -q 'slot [23] probes'
}
start_rota "$(flaky 4)" -v
holds "$case: a slot probes that will be removed" wait_for 20 removed_probes
flaky 2 | write_config
rota apply
: >"$tmp/fixed"
holds "$case: the others go on" wait_for 20 all_are ready 2 web
ends_well

# --- two generations after an incomplete roll back ---------------------------
case=incomplete
cat >"$tmp/app2" <<END
#!/bin/sh
case \$RELEASE in
old) [ ! -e "$tmp/broken" ] || exit 3 ;;
new) [ "\$ROTA_SLOT" = 0 ] || { : >"$tmp/broken"; exit 4; } ;;
esac
exec "$top_builddir/rota-http"
END
chmod 755 "$tmp/app2"
release() {			# release NAME PORT
	printf '%s\n' "command: $tmp/app2" "name: web" "count: 2" \
	    "listen: [127.0.0.1:$2]" "env: { RELEASE: $1 }" \
	    "ready: { soak: 100ms }" "backoff: { initial: 10ms }"
}
old=$(free_port 10)
new=$(free_port 11)
start_rota "$(release old "$old")"
holds "$case: it is up" wait_for 20 all_ready 2
release new "$new" | write_config
rota apply
is "$case: it fails" "$status" 1
like "$case: the way back fails too" "$(said)" 'roll back is incomplete'
rm -f "$tmp/broken"
is "$case: there are two generations" "$(generations_of web)" "1 2"
port=$new
serves "the new listener serves"
rota restart web:1
is "$case: a slot is restarted" "$(said)" "0 web:1 is restarted"
serves "the new listener serves on"
port=$old
serves "and so does the old one"
ends_well

# --- the last slot ends -------------------------------------------------------
# Requests to start it come in together with its end, and right after it.
case="the last end"
cat >"$tmp/race.py" <<'END'
import json, os, signal, socket, sys
path, rota, worker = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
clients = []
for i in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    s.recv(1000)
    clients.append(s)
line = b'{"id":1,"command":"start","args":{"target":"web"}}\n'
os.kill(rota, signal.SIGSTOP)
try:
    for s in clients[:10]:
        s.sendall(line)
    os.kill(worker, signal.SIGKILL)
    for s in clients[10:]:
        s.sendall(line)
finally:
    os.kill(rota, signal.SIGCONT)
for s in clients * 20:
    try:
        s.sendall(line)
    except OSError:
        pass
END
race() {			# race NUMBER
	start_rota "command: sleep 1000
name: web
count: 1
dialect: plain
restart: never
ready: { delay: 50ms, soak: 50ms }"
	wait_for 20 all_ready 1 || bail_out "no worker"
	python3 "$tmp/race.py" "$tmp/run/rota.sock" "$rota_pid" \
	    "$(pids_of web)" >>"$log" 2>&1
	wait_for 20 is_decided
	if is_alive "$rota_pid"; then
		stop_rota
		is "$case, $1: it is started again, exit status" "$?" 0
	else
		reap 20 "$rota_pid"
		is "$case, $1: rota ends with it, exit status" "$?" 1
	fi
}
is_decided() {
	! is_alive "$rota_pid" || all_are ready 1 web
}
if command -v python3 >"$tmp/python" 2>&1; then
	for i in $(seq "$(by_scale 6 3)"); do
		race "$i"
	done
else
	skip "$case" "no python3"
fi
done_testing
