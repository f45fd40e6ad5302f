#!/bin/sh
# budget: 240
# The dialects einhorn and server-starter, and what a plain program can be
# given: each told what it expects, replaced under load without a failed
# request, and stopped in its way.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
find_python || skip_all "python3 is missing"
worker="$python -I -S $top_srcdir/t/worker.py"
requests=$(by_scale 1500 200)

status_ready() {		# status_ready COUNT
	"$top_builddir/rota" status -c "$tmp/rota.yaml" --json |
	    grep -Eo '"state": ?"ready"' | wc -l | grep -qx "$1"
}

# try NAME CONFIG: two workers that crash, are replaced under load, and end.
try() {
	start_rota "$2
count: 2
ready: {soak: 100ms${3:-}}
backoff: {initial: 20ms}"
	port=$(rota_port)
	holds "$1: is ready" wait_for 20 all_ready 2
	fetch /crash
	holds "$1: one that crashes is started again" \
	    wait_for 20 log_has 3 'started, generation 1'
	wait_for 20 workers_answer 2
	load_start new -c 4 --at-least "$requests"
	holds "$1: rolling restart" rollout
	load_stop new
	no_failures "$1" new
	fetch /env
	stop_rota
	is "$1: a graceful stop" "$? $(log_count 'left, exit status 0')" "0 4"
}

# --- einhorn --------------------------------------------------------------
for way in path fd yaml; do
	try "einhorn, ack by $way" "command: $worker --ack $way
dialect: einhorn
listen: ['127.0.0.1:0', 'unix:$tmp/sock']"
done
is "EINHORN_FD_COUNT" "$(variable EINHORN_FD_COUNT)" 2
is "EINHORN_FD_0 and 1" "$(variable EINHORN_FD_0) $(variable EINHORN_FD_1)" \
    "3 4"
is "EINHORN_FD_FAMILY_n" "$(variable EINHORN_FD_FAMILY_0) $(variable \
    EINHORN_FD_FAMILY_1)" "AF_INET AF_UNIX"
is "EINHORN_MASTER_PID" "$(variable EINHORN_MASTER_PID)" "$rota_pid"
like "EINHORN_CHILD_INDEX" "$(variable EINHORN_CHILD_INDEX)" '^[01]$'
holds "EINHORN_SOCK_PATH is gone with rota" \
    test ! -e "$(variable EINHORN_SOCK_PATH)"

start_rota "command: $worker --ack none
dialect: einhorn
port: 0
count: 1
ready: {timeout: 500ms}"
holds "who does not ack is killed, and told why" wait_for 20 log_has 1 \
    'has not acknowledged.*worker:ack'
stop_rota

start_rota "command: $worker
dialect: einhorn
port: 0
count: 1"
port=$(rota_port)
wait_for 20 all_ready 1
fetch /env
# Strangers, garbage, and more connections than there is room for.
"$python" -I -S -c 'import os, socket, sys
many = []
for i in range(200):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    many.append(s)
    try:
        s.sendall(os.urandom(i * 10) + (b"\n" if i % 3 else b""))
    except OSError:
        pass' "$(variable EINHORN_SOCK_PATH)"
holds "garbage on the socket hurts nobody" ask 3
is "nobody was restarted for it" "$(log_count 'started, generation')" 1
stop_rota
is "rota ends well" "$?" 0

# --- einhorn, by workers that have become another user --------------------
stranger='import os, socket, sys, time
many = []
os.setgroups([])
os.setuid(65534)
for i in range(100):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    many.append(s)
if many[0].recv(1) != b"":
    sys.exit("not hung up on")
print("there", flush=True)
time.sleep(60)'
if [ "$(id -u)" -ne 0 ]; then
	skip "acks of another user" "this is not root"
else
	chmod 711 "$tmp"
	for way in path fd; do
		start_rota "command: $worker --ack $way --user 65534
dialect: einhorn
port: 0
count: 1
backoff: {initial: 0}"
		port=$(rota_port)
		holds "another user, ack by $way" wait_for 20 all_ready 1
		fetch /env
		is "its user" "$(stat -c %u "/proc/$(sed -n \
		    's/.*pid \([0-9]*\): started.*/\1/p' "$log")")" 65534
		if [ "$way" = path ]; then
			start "$tmp/stranger" "$python" -I -S -c "$stranger" \
			    "$(variable EINHORN_SOCK_PATH)"
			holds "strangers are hung up on" \
			    wait_for 20 grep -q there "$tmp/stranger"
			fetch /crash
			wait_for 20 log_has 2 'started, gen'
			holds "and are in nobody's way" \
			    wait_for 20 status_ready 1
		fi
		stop_rota
		is "rota ends well" "$?" 0
	done
fi

# --- server-starter -------------------------------------------------------
try "server-starter" "command: $worker
dialect: server-starter
listen: ['0', '127.0.0.1:0', 'unix:$tmp/sock']" ", when: delay, delay: 500ms"
like "SERVER_STARTER_PORT" "$(variable SERVER_STARTER_PORT)" \
    "^$port=3;127.0.0.1:[0-9]+=4;$tmp/sock=5\$"
is "SERVER_STARTER_GENERATION" "$(variable SERVER_STARTER_GENERATION)" 2

# --- several at once ------------------------------------------------------
try "systemd and server-starter" "command: $worker
dialect: [systemd, server-starter]
listen: ['http=127.0.0.1:0', 'unix:$tmp/sock']"
like "the listeners by both names" "$(variable LISTEN_FDS) $(variable \
    LISTEN_FDNAMES) $(variable SERVER_STARTER_PORT)" \
    "^2 http:unknown 127.0.0.1:$port=3;$tmp/sock=4\$"
start_rota "command: $worker
dialect: [systemd, rota]
balance: shared
port: 0
count: 1"
port=$(rota_port)
holds "systemd and rota: is ready" wait_for 20 all_ready 1
fetch /env
is "its listener, its channel" "$(variable LISTEN_FDS) $(variable \
    ROTA_IPC_FD) $(variable ROTA_CONN_FD)" "1 4 "
like "status shows both" "$("$top_builddir/rota" status -c "$tmp/rota.yaml" \
    --json)" '"dialect": ?"systemd\+rota"'
stop_rota
is "rota ends well" "$?" 0

# --- a port for each worker -----------------------------------------------
base=$("$python" -I -S -c 'import socket
s = [socket.socket() for i in range(2)]
for base in range(21000, 32000, 7):
    try:
        for i in range(2):
            s[i].bind(("127.0.0.1", base + i))
        print(base)
        break
    except OSError:
        s = [socket.socket() for i in range(2)]')
start_rota "command: $worker --bind --word s{slot} --word p{port}
port: $base+
count: 2
ready: {when: http, path: /env, interval: 50ms, soak: 100ms}
backoff: {initial: 20ms}
env: {SLOT: 'slot {slot}', PLAIN: '{{slot} {}'}"
holds "each worker has its own port" wait_for 20 all_ready 2
for port in "$base" $((base + 1)); do
	slot=$((port - base))
	fetch /env
	is "PORT of slot $slot" "$(variable PORT)" "$port"
	is "{slot} in env" "$(variable SLOT)" "slot $slot"
	is "a doubled brace" "$(variable PLAIN)" "{slot} {}"
	fetch /args
	like "{slot} and {port} in the command" "$(cat "$tmp/body")" \
	    "--word s$slot --word p$port"
done
fetch /crash
holds "one that crashes is started again" wait_for 20 log_has 3 'started, gen'
holds "and answers" wait_for 20 ask 1
holds "rolling restart, old first" rollout
cat >"$tmp/two.yaml" <<END
pools:
  - {name: a, command: sleep 60, port: $base+, count: 2, ready: {delay: 0}}
  - {name: b, command: sleep 60, listen: '127.0.0.1:$((base + 1))'}
END
"$top_builddir/rota" apply -c "$tmp/rota.yaml" "$tmp/two.yaml" \
    >"$tmp/out" 2>&1
like "a config with another pool at such a port is not applied" \
    "$? $(cat "$tmp/out")" "^78 .*two.yaml:3:.* is at port $((base + 1))"
sed -i "s/b, .*/b, command: sleep 60, port: $((base + 2))+, count: 1}/" \
    "$tmp/two.yaml"
holds "one with another port is" "$top_builddir/rota" apply \
    -c "$tmp/rota.yaml" "$tmp/two.yaml"
"$top_builddir/rota" scale -c "$tmp/rota.yaml" a 3 >"$tmp/out" 2>&1
like "and its pools cannot grow into one another" "$? $(cat "$tmp/out")" \
    "^1 .*port $((base + 2)) would be needed, which is pool 'b'"
stop_rota
is "a graceful stop" "$?" 0

# --- ready by a descriptor, by a command, by HTTP -------------------------
try "ready by fd" "command: $worker --fd {fd:http} --ready-fd {ready_fd}
listen: http=127.0.0.1:0
dialect: plain" ", when: fd"
start_rota "command: $worker
port: 0
dialect: plain
count: 1
ready: {when: fd, timeout: 500ms}"
holds "no newline: killed, and told why" wait_for 20 log_has 1 \
    'has not written a newline.*ROTA_READY_FD'
stop_rota
start_rota "argv: [sh, -c, 'eval \"exec \$ROTA_READY_FD>&-\"; exec sleep 60']
count: 1
ready: {when: fd}"
holds "closed without a newline: said" wait_for 20 log_has 1 \
    'has closed the descriptor'
stop_rota

cat >"$tmp/probe" <<END
#!/bin/sh
test "\$1" = "\$ROTA_PROBE_SLOT" && kill -0 "\$ROTA_PROBE_PID" &&
	test -e "$tmp/flag\$1"
END
chmod 755 "$tmp/probe"
start_rota "command: sleep 60
count: 2
ready: {when: exec, interval: 50ms, command: '$tmp/probe {slot}'}"
: >"$tmp/flag0"
holds "by a command: one is" wait_for 20 status_ready 1
is "the other is not" "$(log_count 'all 2 workers')" 0
: >"$tmp/flag1"
holds "then both" wait_for 20 all_ready 2
stop_rota
is "rota ends well" "$?" 0

start_rota "command: rota-http --start-delay 500ms
port: 0
count: 2
ready: {when: http, path: /healthz, interval: 50ms, soak: 100ms}"
port=$(rota_port)
holds "by HTTP, handed over" wait_for 20 all_ready 2
load_start new -c 4 --at-least "$requests"
holds "rolling restart" rollout
load_stop new
no_failures "ready by http" new
stop_rota
is "rota ends well" "$?" 0
cat >"$tmp/conn.py" <<'END'
import os, socket, sys, time
slot = os.environ["ROTA_SLOT"]
if slot == "0":                 # takes nothing, and soon ends
    time.sleep(0.2)
    if os.path.exists(sys.argv[1]):
        print("stays", flush=True)
        time.sleep(60)
    sys.exit(1)
conn = socket.socket(fileno=int(os.environ["ROTA_CONN_FD"]))
while True:
    _, data, _, _ = conn.recvmsg(1, socket.CMSG_LEN(4))
    for _, _, fd in data:
        c = socket.socket(fileno=int.from_bytes(fd, sys.byteorder))
        c.setblocking(True)
        print("asked for", c.recv(999).decode().split()[1], flush=True)
        c.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        c.close()
END
start_rota "command: $python -I -S $tmp/conn.py $tmp/stays
name: conn
port: 0
count: 2
ready: {when: http, path: /probe}
backoff: {initial: 100ms, factor: 1, jitter: 0%}"
holds "one answers, one ends unasked" wait_for 20 status_ready 1
wait_for 20 log_has 4 'conn.0. .*exit status 1'
: >"$tmp/stays"
wait_for 20 log_has 1 stays
"$top_builddir/rota" stop -c "$tmp/rota.yaml" conn:0 >"$tmp/out" 2>&1
is "nobody is asked what was for another" "$? $(log_count 'asked for')" "0 1"
stop_rota
is "rota ends well" "$?" 0
start_rota "command: $worker --bind
port: $base+
count: 1
ready: {when: http, path: /bad, interval: 50ms, timeout: 1500ms}"
holds "another status is not ready" wait_for 20 log_has 1 \
    'has not answered ready.path'
stop_rota

# --- a listener as descriptor 0 -------------------------------------------
cat >"$tmp/cgi.py" <<'END'
import os, socket
s = socket.socket(fileno=0)
while True:
    c, _ = s.accept()
    c.recv(4096)
    body = f"Handled by process {os.getpid()}.\nCached value: none\n"
    c.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
              b"Content-Length: %d\r\n\r\n" % len(body) + body.encode())
    c.close()
END
start_rota "command: $python -I -S $tmp/cgi.py
name: cgi
dialect: plain
port: 0
stdin: listener
count: 2
ready: {delay: 500ms}"
port=$(rota_port)
holds "accepts from descriptor 0, and waits there" wait_for 20 all_ready 2
holds "answers" ask 20
is "nobody has ended" "$(log_count 'started, gen')" 2
stop_rota
is "rota ends well" "$?" 0
done_testing
