#!/bin/sh
# budget: 240
# Rota below a service manager that speaks as systemd does: what it is told,
# and listeners that it hands on.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
python=$(command -v python3) || skip_all "python3 is missing"

# A socket that writes down what it is told, a line for each line.
cat >"$tmp/manager.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    for line in s.recv(4096).decode().split("\n"):
        print(line, flush=True)
END
start "$tmp/told" "$python" "$tmp/manager.py" "$tmp/manager"
wait_for 10 test -S "$tmp/manager" || bail_out "no notify socket"

told() {			# told COUNT EXTENDED-REGULAR-EXPRESSION
	[ "$(grep -Ec -- "$2" "$tmp/told")" -ge "$1" ]
}

NOTIFY_SOCKET=$tmp/manager
WATCHDOG_USEC=400000
export NOTIFY_SOCKET WATCHDOG_USEC
start_rota "command: rota-http --start-delay 300ms
port: 0
count: 2
ready: {soak: 100ms}"
port=$(rota_port)
holds "READY=1 once the pool is up" wait_for 20 told 1 '^READY=1$'
holds "with the workers that are ready" told 1 '^STATUS=2/2 workers ready$'
is "not before" "$(sed '/^READY/q' "$tmp/told" | grep -c 'STATUS=2/2')" 1
holds "WATCHDOG=1 again and again" wait_for 20 told 3 '^WATCHDOG=1$'
rollout
holds "RELOADING=1 around a rolling restart" told 1 '^RELOADING=1$'
like "with the time" "$(grep MONOTONIC "$tmp/told")" \
    '^MONOTONIC_USEC=[0-9]{6,}$'
holds "and READY=1 after it" wait_for 10 told 2 '^READY=1$'
kill -HUP "$rota_pid"
holds "HUP too" wait_for 20 told 2 '^RELOADING=1$'
holds "is answered" wait_for 20 told 3 '^READY=1$'
printf 'nonsense' >"$tmp/rota.yaml"
kill -HUP "$rota_pid"
holds "a bad config too" wait_for 20 told 3 '^RELOADING=1$'
holds "is answered, for all goes on" wait_for 20 told 4 '^READY=1$'
stop_rota
is "rota ends well" "$?" 0
holds "STOPPING=1" wait_for 10 told 1 '^STOPPING=1$'
is "no worker was told of the manager" "$(grep -c 'STATUS=serves' \
    "$tmp/told")" 0

# Nobody reads, or nobody is there: that is not waited for.
NOTIFY_SOCKET=$tmp/none
unset WATCHDOG_USEC
start_rota 'command: sleep 60
count: 1
ready: {delay: 100ms}'
holds "a socket that is not there" wait_for 20 all_ready 1
stop_rota
is "rota ends well without it" "$?" 0
unset NOTIFY_SOCKET

# --- listeners ------------------------------------------------------------
# Listens on a port, a path and a port of no use, and becomes rota.
cat >"$tmp/activate.py" <<'END'
import os, socket, sys
tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1] + "/sock")
other = socket.socket()
other.bind(("127.0.0.1", 0))
for i, s in enumerate((tcp, unix, other)):
    s.listen(10)
    s.detach() if s.fileno() == 3 + i else os.dup2(s.fileno(), 3 + i)
    os.set_inheritable(3 + i, True)
with open(sys.argv[1] + "/rota.yaml", "w") as f:
    f.write("command: rota-http\ncount: 1\nlisten: ['127.0.0.1:%d', "
            "'unix:%s/sock']\n" % (
                socket.socket(fileno=os.dup(3)).getsockname()[1],
                sys.argv[1]))
os.environ["LISTEN_FDS"] = "3"
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], [sys.argv[2], "run", sys.argv[1] + "/rota.yaml"])
END
: >"$log"
PATH="$top_builddir:$PATH" "$python" "$tmp/activate.py" "$tmp" \
    "$top_builddir/rota" </dev/null 2>>"$log" &
rota_pid=$!
started "$rota_pid"
wait_for 20 all_ready 1 || bail_out "rota run does not start"
port=$(rota_port)
holds "answers at the port that it was given" ask 3
holds "and at the path" "$load" --unix "$tmp/sock" -n 3
holds "what is at no address of the config is closed, and said" \
    log_has 1 '1 inherited listeners'
stop_rota
is "rota ends well" "$?" 0
holds "the path is left to who made it" test -S "$tmp/sock"
done_testing
