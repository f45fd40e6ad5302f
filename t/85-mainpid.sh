#!/bin/sh
# MAINPID of sd_notify(3): another process of a worker's session becomes the
# worker, its end is the worker's, and nobody else can be passed off as it.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
find_python || skip_all "python3 is missing"

cat >"$tmp/main.py" <<'END'
import os, signal, socket, sys, time

def say(text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
    s.send(text.encode())

def child(new_session=False):       # its pid; it ends well when told to
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    pid = os.fork()
    if pid == 0:
        if new_session:
            os.setsid()
        serve()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
    while new_session and os.getsid(pid) != pid:
        time.sleep(0.01)
    return pid

def serve():                        # no signal is missed, as a handler may
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    while signal.sigwait(HEEDED) != signal.SIGTERM:
        upgrade()
    os._exit(0)

def upgrade():                      # another takes over, and this one ends
    say(f"MAINPID={child()}\nSTATUS=upgraded")
    os._exit(7)

HEEDED = [signal.SIGTERM, signal.SIGHUP]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
how = sys.argv[1]
if how == "hand":
    say(f"MAINPID={child()}\nREADY=1")
elif how == "wait":
    pid = child()
    say(f"MAINPID={pid}\nREADY=1")
    os.waitpid(pid, 0)
    os._exit(3)
elif how == "stay":
    pid = child()
    say(f"MAINPID={pid}\nREADY=1")
    serve()
elif how == "away":
    say(f"MAINPID={child(True)}")
    say(f"MAINPID={2 ** 22 + 1}\nREADY=1")
    serve()
END

status_of() {			# status_of WORD: in what rota status prints
	"$top_builddir/rota" status -c "$tmp/rota.yaml" --json |
	    grep -q "$1"
}

find_main() {			# into $main: the pid that rota status shows
	main=$("$top_builddir/rota" status -c "$tmp/rota.yaml" --json |
	    sed -n 's/.*"slots":.*"generation":[0-9]*,"pid":\([0-9]*\),.*/\1/p')
}

is_another() {			# is_another PID: the main process by now
	find_main
	[ -n "$main" ] && [ "$main" != "$1" ]
}

started_pids() {
	sed -n 's/.* pid \([0-9]*\): started, gen.*/\1/p' "$log"
}

run() {				# run HOW
	start_rota "command: $python -I -S $tmp/main.py $1
name: main
dialect: systemd
count: 1
backoff: {initial: 0}"
	holds "$1: ready" wait_for 20 all_ready 1
	find_main
}

run hand
started=$(started_pids)
holds "another process has taken over" [ "$main" != "$started" ]
holds "its parent may leave" wait_for 10 is_gone "$started"
is "and that is not the end of it" "$(log_count 'started, gen')" 1
old=$main
kill -HUP "$main"
holds "it may pass it on again" wait_for 10 is_another "$old"
holds "and what it says is the worker's" wait_for 10 status_of upgraded
is "who has not ended" "$(log_count 'exit status')" 0
old=$main
kill -KILL "$main"
holds "its end is the worker's" wait_for 20 log_has 2 'started, gen'
like "as it was" "$(grep restarting "$log")" "pid $old: signal 9"
wait_for 20 log_has 3 'its main process is'
holds "the next one passes it on too" is_another "$old"
holds "and ends" wait_for 10 is_gone "$(started_pids | tail -n 1)"
stop_rota
is "it is told to leave" "$? $(log_count "pid $main: left, exit status 0")" \
    "0 1"
holds "and nobody is left" is_gone "$main"

run wait
kill -KILL "$main"
holds "a parent that tells its end" wait_for 20 log_has 1 \
    'exit status 3.*restarting'
stop_rota
is "rota ends well" "$?" 0

run stay
kill -KILL "$main"
holds "a parent that stays is replaced" wait_for 20 log_has 1 \
    'has lost its main process; replacing it'
holds "by another" wait_for 20 log_has 2 'started, gen'
stop_rota
is "rota ends well" "$?" 0

run away
is "who has left the session is not followed, which is said once" \
    "$(log_count 'MAINPID.*not in the session') $(log_count MAINPID)" "1 1"
is "the process that was started counts" "$main" "$(started_pids)"
stop_rota
is "rota ends well" "$?" 0
done_testing
