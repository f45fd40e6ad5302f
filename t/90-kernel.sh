#!/bin/sh
# budget: 240
# The kernel takes turns over a listener for each slot: exactly, without the
# supervisor, and what waits for a worker that dies, hangs up its listener or
# is told to leave is answered by the others.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
# shellcheck source=t/kernel.sh
. "$top_srcdir/t/kernel.sh"
requests=$(by_scale 10000 1000)

has_python() {
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' \
	    2>"$tmp/python"
}

# --- turns -----------------------------------------------------------------
# A worker that talks with rota, and one that only takes a descriptor.
for workers in 2 4 8; do
	for kind in rota plain; do
		case $kind in
		rota)	command=rota-http ;;
		plain)	command='rota-http --fd {fd:0}' ;;
		esac
		start_rota "command: $command
name: web
port: 0
count: $workers
dialect: $kind
mechanism: kernel
ready: { soak: 100ms$([ $kind = rota ] || echo ", delay: 100ms") }"
		port=$(rota_port)
		holds "$kind: $workers workers answer" \
		    wait_for 30 workers_answer "$workers"
		for c in 1 64; do
			ask "$requests" -c "$c"
			turns_are_exact "$kind, $workers workers, $c at a \
time" "$workers"
		done
		stop_rota
		is "$kind, $workers workers: rota ends well" "$?" 0
	done
done

if has_python; then
	start_rota "command: python3 $top_srcdir/t/worker.py
name: web
port: 0
count: 3
dialect: systemd
mechanism: kernel"
	port=$(rota_port)
	holds "systemd: 3 workers answer" wait_for 30 workers_answer 3
	ask "$(by_scale 1200 300)" -c 16
	turns_are_exact "systemd, 3 workers" 3
	stop_rota
	is "systemd: rota ends well" "$?" 0
else
	skip "systemd: 3 workers answer" "no Python 3.9 or later"
fi

# --- addresses ------------------------------------------------------------
if grep -q '^0*1 .* lo$' /proc/net/if_inet6 2>"$tmp/inet6"; then
	start_rota "command: rota-http
name: web
listen: [\"http=127.0.0.1:0\", \"other=[::1]:0\"]
count: 4"
	first=$(rota_ports | head -n 1)
	second=$(rota_ports | tail -n 1)
	port=$first
	holds "two listeners: 4 workers answer" wait_for 30 workers_answer 4
	ask 400 -c 16
	turns_are_exact "the first of two listeners" 4
	port=$second
	ask 400 -c 16 --host ::1
	turns_are_exact "the second, of IPv6" 4
	stop_rota

	start_rota "command: rota-http
name: web
port: 0
count: 4"
	port=$(rota_port)
	holds "dual stack: 4 workers answer" wait_for 30 workers_answer 4
	for _ in 1 2 3; do
		ask 2 --host ::1
		answered
		ask 2
		answered
	done >"$tmp/turns"
	is "dual stack: there is one order for IPv4 and IPv6" "$(sort \
	    "$tmp/turns" | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" \
	    "3 3 3 3 "
	stop_rota
else
	skip "two listeners: 4 workers answer" "no IPv6 here"
fi

# --- listeners that were inherited --------------------------------------------
# Becomes rota with a listener of its own, as a service manager would do; as
# another user, who may not open another one at that address.
cat >"$tmp/activate.py" <<'END'
import os, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if sys.argv[1] == "reuseport":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1", int(sys.argv[2])))
s.listen(10)
s.detach() if s.fileno() == 3 else os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[3], sys.argv[3:])
END
activated() {			# activated NAME HOW [COMMAND...]
	_name=$1
	_how=$2
	shift 2
	port=$(free_port 3)
	wrap=${ROTA_WRAP:-}
	ROTA_WRAP="python3 $tmp/activate.py $_how $port $wrap $*"
	start_rota "command: rota-http
name: web
count: 2
listen: [\"127.0.0.1:$port\"]"
	ROTA_WRAP=$wrap
	is "inherited, $_name: it is used" "$(log_count 'inherited')" 0
}
if has_python; then
	activated "with SO_REUSEPORT" reuseport
	holds "inherited, with SO_REUSEPORT: 2 workers answer" \
	    wait_for 20 workers_answer 2
	like "inherited, with SO_REUSEPORT: the kernel takes turns" \
	    "$(state)" '"mechanism":"kernel","reason":null'
	stop_rota
	activated "without" none
	holds "inherited, without: 2 workers answer" \
	    wait_for 20 workers_answer 2
	like "inherited, without: connections are handed over" \
	    "$(state)" '"mechanism":"hand-over","reason":"'
	stop_rota
else
	skip "inherited, with SO_REUSEPORT: it is used" "no Python 3.9 or later"
fi
if has_python && [ "$(id -u)" -eq 0 ] && setpriv --reuid 65534 \
    --inh-caps +bpf --ambient-caps +bpf true 2>"$tmp/setpriv"; then
	mkdir -p "$ROTA_RUNTIME_DIR" && chown 65534 "$ROTA_RUNTIME_DIR"
	chmod 755 "$tmp"
	activated "of another user" reuseport \
	    "setpriv --reuid 65534 --inh-caps +bpf --ambient-caps +bpf"
	holds "inherited, of another user: a worker answers" \
	    wait_for 20 ask 1 --timeout 3s
	like "inherited, of another user: connections are handed over" \
	    "$(state)" '"mechanism":"hand-over","reason":"'
	stop_rota
	chown 0 "$ROTA_RUNTIME_DIR"
else
	skip "inherited, of another user: a worker answers" \
	    "needs root, setpriv and Python"
fi

# --- without the supervisor --------------------------------------------------
start_rota "command: rota-http
name: web
port: 0
count: 4"
port=$(rota_port)
holds "idle: 4 workers answer" wait_for 30 workers_answer 4
holds "idle: the supervisor comes to rest" wait_for 20 is_unchanged
switches=$(status_value voluntary_ctxt_switches)
ticks=$(cpu_ticks)
ask "$requests" -c 32
is "idle: all are answered" "$(ok_failed)" "$requests 0"
is "idle: context switches and CPU of the supervisor meanwhile" \
    "$(($(status_value voluntary_ctxt_switches) - switches)) \
$(($(cpu_ticks) - ticks))" "0 0"
stop_rota

# --- a worker dies, and connections wait for it -------------------------------
start_rota "command: rota-http
name: web
port: 0
count: 3
backoff: { initial: 50ms, jitter: 0% }"
port=$(rota_port)
holds "killed: 3 workers answer" wait_for 30 workers_answer 3
victim=$(pids_of web | sed -n 2p)
kill -STOP "$victim"
start "$tmp/waiting" "$load" --port "$port" -n 60 -c 60 --timeout 30s
waiting=$started_pid
holds "killed: connections wait for the one that is stopped" \
    wait_for 10 waits_for 20
kill -KILL "$victim"
reap 30 "$waiting"
is "killed: all of them are answered" "$(ok_failed "$tmp/waiting")" "60 0"
holds "killed: its successor answers, too" wait_for 20 workers_answer 3
ask 300 -c 16
turns_are_exact "killed: in the end" 3
stop_rota
is "killed: rota ends well" "$?" 0

# With nobody else it is for the successor.
start_rota "command: rota-http --start-delay 300ms
name: web
port: 0
count: 1"
port=$(rota_port)
holds "alone: it answers" wait_for 30 workers_answer 1
victim=$(pids_of web)
kill -STOP "$victim"
start "$tmp/waiting" "$load" --port "$port" -n 20 -c 20 --timeout 30s
waiting=$started_pid
holds "alone: connections wait for it" wait_for 10 waits_for 20
kill -KILL "$victim"
ask 5 -c 5 --timeout 30s
is "alone: who comes before its successor is ready is answered" \
    "$(ok_failed)" "5 0"
reap 30 "$waiting"
is "alone: so is who waited for the one that died" \
    "$(ok_failed "$tmp/waiting")" "20 0"
stop_rota
is "alone: rota ends well" "$?" 0

# --- nobody is ready ----------------------------------------------------------
start_rota "command: rota-http --start-delay 1s
name: web
port: 0
count: 3"
port=$(rota_port)
ask 30 -c 30 --timeout 30s
is "nobody is ready: connections wait until somebody is" "$(ok_failed)" "30 0"
for pid in $(pids_of web); do
	kill -KILL "$pid"
done
ask 30 -c 30 --timeout 30s
is "nobody is ready any more: likewise" "$(ok_failed)" "30 0"
stop_rota
is "nobody is ready: rota ends well" "$?" 0

# --- a worker shuts its listener down -----------------------------------------
# It gets ready, shuts it down a moment later, and then serves.
deploy "if [ \"\$ROTA_SLOT\" = 1 ]; then" \
    "	exec $top_builddir/t/rogue listener-once" "fi" "exec rota-http"
start_rota "command: $app
name: web
port: 0
count: 3"
port=$(rota_port)
wait_for 20 log_has 2 '\[[02]\].*started' || not_ok "shut: they are started"
load_start shut -c 8 --timeout 20s
holds "shut: it is mended" wait_for 20 log_has 1 'slot 1 has shut down'
holds "shut: that worker has its turns again" wait_for 20 workers_answer 3
load_stop shut
no_failures "shut: meanwhile" shut
ask 300 -c 16
turns_are_exact "shut: in the end" 3
stop_rota
is "shut: rota ends well" "$?" 0

# Again and again, for two seconds, and it serves nobody.  What comes to its
# listener between two of them may be reset: if that was shut down while it
# was being mended, connections are born dead until the next time.
deploy "if [ \"\$ROTA_SLOT.\$ROTA_GENERATION\" = 1.1 ]; then" \
    "	exec $top_builddir/t/rogue listener" "fi" "exec rota-http"
start_rota "command: $app
name: web
port: 0
count: 3
ready: { soak: 50ms }"
port=$(rota_port)
start "$tmp/waiting" "$load" --port "$port" -n 300 -c 8 --timeout 30s
waiting=$started_pid
holds "shut in a loop: it comes to an end" wait_for 20 log_has 1 'it is over'
holds "shut in a loop: the log is not flooded" \
    test "$(log_count 'has shut down')" -lt 50
rollout
like "shut in a loop: it is replaced" "$rollout_result" 'is rolled out'
reap 30 "$waiting"
is "shut in a loop: nobody hangs" "$(value failed_timeout "$tmp/waiting")" 0
holds "shut in a loop: all but a few of its own are answered" \
    test "$(value ok "$tmp/waiting")" -ge 290
ask 300 -c 16
turns_are_exact "shut in a loop: in the end" 3
stop_rota
is "shut in a loop: rota ends well" "$?" 0

# --- the end ------------------------------------------------------------------
start_rota "command: rota-http
name: web
port: 0
count: 1
stop: { timeout: 20s }"
port=$(rota_port)
holds "stop: it answers" wait_for 30 workers_answer 1
victim=$(pids_of web)
kill -STOP "$victim"
start "$tmp/waiting" "$load" --port "$port" -n 10 -c 10 --timeout 30s
waiting=$started_pid
holds "stop: connections wait" wait_for 10 waits_for 10
kill -TERM "$rota_pid"
holds "stop: it stops" wait_for 10 log_has 1 '^rota: stopping'
ask 1 --timeout 2s
is "stop: new clients are refused at once" \
    "$(value failed_refused "$tmp/ask")" 1
kill -CONT "$victim"
reap 30 "$waiting"
is "stop: those that waited are answered" "$(ok_failed "$tmp/waiting")" "10 0"
reap 30 "$rota_pid"
is "stop: rota ends well" "$?" 0

done_testing
