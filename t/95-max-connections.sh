#!/bin/sh
# budget: 240
# max_connections: no worker has more open at a time, what is over waits, and
# nobody is refused; whether connections end by the one end or the other,
# workers die, or the number changes.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
# shellcheck source=t/places.sh
. "$top_srcdir/t/places.sh"

# --- what a worker knows -----------------------------------------------------
# One that counts those it has taken and not closed, into a file each time
# they are more; it closes after the answer, or keeps the connection.
cat >"$tmp/counts.py" <<'END'
import array, os, select, socket, sys
ipc = socket.socket(fileno=int(os.environ["ROTA_IPC_FD"]))
queue = socket.socket(fileno=int(os.environ["ROTA_CONN_FD"]))
body = b"Handled by process %d.\nCached value: none\n" % os.getpid()
head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body)
conns, most, leaves = set(), 0, False
ipc.sendall(b'{"rota":"ready"}\n')
while conns or not leaves:
    for s in select.select([ipc, queue][:0 if leaves else 2] + list(conns),
                           [], [])[0]:
        if s is ipc:
            data = s.recv(65536)
            leaves = data == b"" or b'"disconnect"' in data
        elif s is queue:
            _, control, _, _ = s.recvmsg(1, socket.CMSG_SPACE(4))
            fds = array.array("i", control[0][2]) if control else []
            conns |= {socket.socket(fileno=fd) for fd in fds}
            if len(conns) > most:
                most = len(conns)
                with open(f"{sys.argv[1]}/most.{os.getpid()}", "w") as f:
                    print(most, file=f)
        else:
            data = s.recv(65536)
            last = b"Connection: close\r\n" if b": close" in data else b""
            if data:
                s.sendall(head + last + b"\r\n" + body)
            if last or not data:
                conns.remove(s)
                s.close()
END
most_of_all() {			# of any of these workers
	sort -n "$tmp"/most.* | tail -n 1
}

# --- held --------------------------------------------------------------------
start_rota "command: rota-http --idle-timeout 1h
name: web
port: 0
count: 3
ready: { soak: 100ms }
backoff: { initial: 0 }
max_connections: 2"
port=$(rota_port)
holds "3 workers are ready" wait_for 30 all_ready 3
is "connections are handed over" "$(pool_value mechanism)" '"hand-over"'
like "and status says why" "$(pool_value reason)" '^"max_connections counts'
is "and how many there may be" "$(pool_value max_connections)" 2
clients_start
tells "clients connect" well open 4
tells "4 have room" 4 wait 4
tells "6 more connect" well open 6
tells "2 of each worker are answered" 6 wait 6
tells "and the others are not" 6 stay 6 500
tells "each worker has 2" "2 2 2" show
is "which status shows" "$(open_of web)" "2 2 2"
tells "one closes" well close 1
tells "and another has its place" 6 wait 6
tells "and nobody else" 6 stay 6 300
tells "each worker has 2 again" "2 2 2" show
tells "one resets" well reset 1
tells "and another has its place, too" 6 wait 6
tells "each worker has 2 again" "2 2 2" show
victim=$(pids_of web | sed -n 2p)
kill -KILL "$victim"
tells "a full worker is killed, and its connections end" 2 gone 2
tells "its successor has who waited" 6 wait 6
tells "each worker has 2 again" "2 2 2" show
tells "nobody waits" 6 stay 6 100
holds "all are full, nobody waits, and the supervisor sleeps" \
    wait_for 20 is_unchanged
tells "2 more connect" well open 2
tells "and wait" 6 stay 6 100
rota reload
is "a rolling restart" "$status" 0
tells "the old workers end what is idle" 8 gone 8
tells "and new ones have who waited" 2 wait 2
tells "4 more have room" well open 4
tells "and have it" 6 wait 6
tells "each new worker has 2" "2 2 2" show
tells "nobody was refused" 0 lost
clients_stop

# --- another number ----------------------------------------------------------
sed -i 's/^max_connections: .*/max_connections: 3/' "$rota_config"
rota plan
like "another number: every worker is replaced" "$(said)" \
    'max_connections: 2 -> 3; replaces 3 workers'
rota apply
is "it is applied" "$status" 0
is "status has it" "$(pool_value max_connections)" 3
clients_start
tells "clients connect" well open 11
tells "now 3 of each are answered" 9 wait 9
tells "and the others are not" 9 stay 9 300
tells "each worker has 3" "3 3 3" show
sed -i 's/^max_connections: .*/max_connections: 0/' "$rota_config"
rota apply
is "no number is applied" "$status" 0
is "status has none" "$(pool_value max_connections)" null
is "nor does it count" "$(open_of web)" "null null null"
tells "clients connect" well open 18
tells "and all are answered" 0 all
tells "and so were those who waited" 0 lost
clients_stop

# --- the end of a pool that is full ------------------------------------------
sed -i 's/^max_connections: .*/max_connections: 1/' "$rota_config"
rota apply
is "a number again" "$status" 0
clients_start
tells "clients connect" well open 5
tells "one of each is answered" 3 wait 3
stop_rota
is "full, and some wait: rota ends well" "$?" 0
tells "all connections have ended" 5 gone 5
tells "those who waited were refused" 2 lost
clients_stop

# --- a successor that inherits the queue -------------------------------------
start_rota "argv: [$python, -I, -S, $tmp/counts.py, $tmp]
name: web
port: 0
count: 1
max_connections: 2"
port=$(rota_port)
holds "it is ready" wait_for 30 all_ready 1
clients_start
tells "clients connect" well open 3
tells "2 are answered" 2 wait 2
rota restart web:0
is "it is restarted" "$status" 0
tells "another has who waited, while it finishes what it has" 3 wait 3
tells "2 more connect" well open 2
tells "and one of them has room" 4 wait 4
tells "the other has not" 4 stay 4 300
tells "each has 2" "2 2" show
like "the old one is there" "$(state web)" '"draining":\[\{"pid"'
clients_stop
stop_rota
is "rota ends well" "$?" 0

# --- under load --------------------------------------------------------------
for balance in round-robin least-connections sticky; do
	rm -f "$tmp"/most.*
	start_rota "argv: [$python, -I, -S, $tmp/counts.py, $tmp]
name: web
port: 0
count: 2
balance: $balance
ready: { soak: 100ms }
backoff: { initial: 0 }
max_connections: 3"
	port=$(rota_port)
	holds "$balance: 2 workers are ready" wait_for 30 all_ready 2
	load_start new -c 12 --sources 7
	load_start keep -c 12 --mode keep --per-connection 5
	is "$balance: rolling restart" "$(rollout; echo $?)" 0
	load_stop new keep
	no_failures "$balance" new keep
	is "$balance: most that a worker has had" "$(most_of_all)" 3
	holds "$balance: it comes to rest" wait_for 20 is_unchanged
	stop_rota
	is "$balance: rota ends well" "$?" 0
done

done_testing
