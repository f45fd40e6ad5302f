#!/bin/sh
# budget: 180
# dialect: systemd, with a worker that speaks it by hand: what it is told,
# READY and the rest of sd_notify(3), heartbeats, and rolling restarts under
# load without a failed request.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
find_python || skip_all "python3 is missing"
worker="$python -I -S $top_srcdir/t/worker.py"

status_of() {			# status_of WORD: in what rota status prints
	"$top_builddir/rota" status -c "$tmp/rota.yaml" --json |
	    grep -q "$1"
}

# --- what it is told ------------------------------------------------------
start_rota "command: $worker
name: web
listen: ['http=127.0.0.1:0', '127.0.0.1:0']
dialect: systemd
count: 1
ready: {soak: 100ms}"
port=$(rota_port)
holds "READY=1 makes it ready" wait_for 20 all_ready 1
fetch /env
is "LISTEN_FDS" "$(variable LISTEN_FDS)" 2
is "LISTEN_FDNAMES" "$(variable LISTEN_FDNAMES)" http:unknown
ask 1
is "LISTEN_PID is its pid" "$(variable LISTEN_PID)" "$(answered)"
is "no heartbeat, no WATCHDOG_USEC" "$(variable WATCHDOG_USEC)" ""
holds "STATUS is shown" wait_for 10 status_of serves

# --- the other words ------------------------------------------------------
fetch /notify?STATUS=one%0AX_UNKNOWN=1%0A%0ASTATUS=two%1b
holds "the last STATUS counts, and is escaped" \
    wait_for 10 status_of 'two..x1b'
fetch /notify?MAINPID=1
holds "a MAINPID of somebody else is not believed" \
    wait_for 10 log_has 1 'MAINPID.*not in the session'
fetch /notify?ERRNO=2
holds "ERRNO is logged" wait_for 10 log_has 1 'No such file or directory'
fetch /notify?EXTEND_TIMEOUT_USEC=-1
holds "a bad number is dropped" wait_for 10 log_has 1 'bad notification'
descriptors=$(find "/proc/$rota_pid/fd" -type l | wc -l)
fetch /store
fetch /store
fetch /notify?STATUS=stored
wait_for 10 status_of stored
is "FDSTORE is refused, and said once" "$(log_count FDSTORE)" 1
is "and nothing is kept open" "$(find "/proc/$rota_pid/fd" -type l | wc -l)" \
    "$descriptors"
# A process of its session, with a barrier; then a stranger, and garbage.
notify='import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + sys.argv[1][1:])
r, w = os.pipe()
socket.send_fds(s, [b"STATUS=" + sys.argv[2].encode() + b"\nBARRIER=1"], [w])
os.close(w)
os.read(r, 1)
for i in range(300):
    s.send(os.urandom(i * 20))'
fetch /env
holds "a stranger is not waited for, nor his garbage" timeout 20 \
    "$python" -I -S -c "$notify" "$(variable NOTIFY_SOCKET)" stranger
is "his status is nobody's" "$(status_of stranger; echo $?)" 1
fetch /
is "it goes on" "$(log_count 'started, generation')" 1
stop_rota
is "rota ends well" "$?" 0

# --- a process of its session ---------------------------------------------
printf '%s\n' "$notify" >"$tmp/notify.py"
cat >"$tmp/helped" <<END
#!/bin/sh
$python -I -S $tmp/notify.py "\$NOTIFY_SOCKET" 'helped
READY=1'
exec sleep 60
END
chmod 755 "$tmp/helped"
start_rota "command: $tmp/helped
dialect: systemd
count: 1"
holds "a process of its session may speak for it" wait_for 20 all_ready 1
holds "and its BARRIER is let go" wait_for 10 status_of helped
stop_rota

# --- too late, or just in time --------------------------------------------
start_rota "command: $worker --mute
port: 0
dialect: systemd
count: 1
ready: {timeout: 500ms}"
holds "who says nothing is told so" wait_for 20 log_has 1 \
    'not sent READY=1 to NOTIFY_SOCKET'
stop_rota
cat >"$tmp/slow.py" <<'END'
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
for i in range(6):
    s.send(b"EXTEND_TIMEOUT_USEC=5000000")
    time.sleep(0.5)
s.send(b"READY=1")
time.sleep(60)
END
start_rota "command: $python -I -S $tmp/slow.py
dialect: systemd
count: 1
ready: {timeout: 2s}"
holds "EXTEND_TIMEOUT_USEC gives it more time" wait_for 20 all_ready 1
is "and nobody was killed" "$(log_count 'killing it')" 0
stop_rota

# --- heartbeats -----------------------------------------------------------
cat >"$tmp/heart.py" <<'END'
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
assert os.environ["WATCHDOG_PID"] == str(os.getpid())
period = int(os.environ["WATCHDOG_USEC"]) / 1e6 / 4
s.send(b"READY=1")
for i in range(2 if os.environ["ROTA_SLOT"] == "0" else 1000):
    s.send(b"WATCHDOG=1")
    time.sleep(period)
time.sleep(60)
END
start_rota "command: $python -I -S $tmp/heart.py
name: heart
dialect: systemd
count: 2
health: {heartbeat: 2s}
backoff: {initial: 50ms}"
holds "who beats is ready" wait_for 20 all_ready 2
holds "who misses a heartbeat is replaced" wait_for 20 log_has 1 \
    'heart.0. .*has missed its heartbeat; replacing it'
holds "by another" wait_for 20 log_has 2 'heart.0. .*started, generation 1'
is "who does not is left alone" "$(log_count 'heart.1. .*missed')" 0
stop_rota
is "rota ends well" "$?" 0

start_rota "command: $worker
port: 0
dialect: systemd
count: 2
backoff: {initial: 50ms}"
port=$(rota_port)
wait_for 20 all_ready 2
fetch /notify?WATCHDOG=trigger
holds "WATCHDOG=trigger replaces it at once" wait_for 20 log_has 3 \
    'started, generation 1'
stop_rota

# --- crash, rolling restart under load, graceful stop ---------------------
start_rota "command: $worker
port: 0
dialect: systemd
count: 2
ready: {soak: 100ms}
backoff: {initial: 20ms}"
port=$(rota_port)
wait_for 20 all_ready 2
fetch /crash
holds "one that crashes is started again" wait_for 20 log_has 3 'started, gen'
wait_for 20 workers_answer 2
load_start new -c 4 --at-least "$(by_scale 2000 200)"
holds "a rolling restart" rollout
holds "another" rollout
load_stop new
no_failures "rolling restarts" new
load_start new -c 4 --at-least 100
holds "serves" wait_for 20 test -s "$tmp/new.pid"
load_stop new
stop_rota
is "a graceful stop" "$?" 0
done_testing
