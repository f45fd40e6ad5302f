# shellcheck shell=sh disable=SC2034,SC2154
# The servers of bench/run.sh, each started by start_NAME.

free_port() {			# prints a port that was free just now
	start "$tmp/free" "$top_builddir/t/faulty"
	wait_for 10 test -s "$tmp/free" || die "t/faulty does not start"
	kill "$started_pid"
	wait "$started_pid" 2>/dev/null
	cat "$tmp/free"
}

# A server takes part: name, port, the process that its workers belong to.
# A server of one process is its own worker.
take_part() {			# take_part NAME PORT PID
	port=$2
	wait_for 20 ask 1 || die "$1 does not answer: $(cat "$tmp/ask")"
	servers="$servers $1"
	echo "$2" >"$tmp/$1.port"
	echo "$3" >"$tmp/$1.pid"
	: >"$tmp/$1.results"
}

left_out() {			# left_out NAME REASON
	echo "$1: left out, $2"
	echo "$1 $2" >>"$tmp/left_out"
}

start_under_rota() {		# start_under_rota NAME LINE...
	_name=$1
	shift
	printf '%s\n' "listen: [\"127.0.0.1:0\"]" "count: $workers" "$@" \
	    >"$tmp/$_name.yaml"
	rota_config=$tmp/$_name.yaml
	log=$tmp/$_name.log
	run_rota
	take_part "$_name" "$(rota_port)" "$rota_pid"
}

# Workers below a process that only waits: what they do without a supervisor,
# on one listener for all or on one each, among which the kernel hashes.
start_without_supervisor() {	# start_without_supervisor NAME LISTENERS
	if ! find_python; then
		left_out "$1" "python3 is not installed"
		return
	fi
	start "$tmp/$1.log" "$python" -I -S -c '
import os, signal, socket, sys
workers = []
def leave(*_):
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    sys.exit()
signal.signal(signal.SIGTERM, leave)
own = sys.argv[3] != "1"
s = socket.create_server(("127.0.0.1", 0), backlog=4096, reuse_port=own)
listeners = [s]
while len(listeners) < int(sys.argv[3]):
    listeners.append(socket.create_server(s.getsockname(), backlog=4096,
        reuse_port=True))
print(s.getsockname()[1], flush=True)
for i in range(int(sys.argv[2])):
    s = listeners[i % len(listeners)]
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.set_inheritable(s.fileno(), True)
        os.execl(sys.argv[1], "rota-http", "--fd", str(s.fileno()))
    workers.append(pid)
for s in listeners:
    s.close()
os.wait()' "$top_builddir/rota-http" "$workers" "$2"
	wait_for 10 test -s "$tmp/$1.log" || die "$1 does not start"
	take_part "$1" "$(head -n 1 "$tmp/$1.log")" "$started_pid"
}

start_alone() {
	_port=$(free_port)
	start "$tmp/alone.log" setsid "$top_builddir/rota-http" --port "$_port"
	take_part alone "$_port" "$started_pid"
}

start_nginx() {
	if ! has nginx; then
		left_out nginx "it is not installed"
		return
	fi
	_port=$(free_port)
	_pid=$(echo $$ | tr 0-9 1)
	cat >"$tmp/nginx.conf" <<END
daemon off;
pid $tmp/nginx.pidfile;
worker_processes $workers;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 1000000;
	default_type text/plain;
	server {
		listen 127.0.0.1:$_port backlog=4096;
		location / {
			return 200 "Handled by process $_pid.\nCached value: none\n";
		}
	}
}
END
	start "$tmp/nginx.log" setsid nginx -p "$tmp" -c "$tmp/nginx.conf" \
	    -e "$tmp/nginx.err"
	take_part nginx "$_port" "$started_pid"
}

# The same program as in Node's own cluster, below rota.
start_rota_node() {		# start_rota_node NAME LINE...
	if ! has node; then
		left_out "$1" "node is not installed"
		return
	fi
	start_under_rota "$@" "dialect: node" \
	    "argv: [node, \"$top_srcdir/bench/cluster.js\"]"
}

start_node() {
	if ! has node; then
		left_out node-cluster "node is not installed"
		return
	fi
	start "$tmp/node.log" setsid node "$top_srcdir/bench/cluster.js" "$workers"
	if ! wait_for 20 grep -q '^port ' "$tmp/node.log"; then
		left_out node-cluster "it does not start"
		return
	fi
	take_part node-cluster "$(sed -n 's/^port //p' "$tmp/node.log")" \
	    "$started_pid"
}

start_server() {		# start_server NAME
	case $1 in
	round-robin | shared | least-connections)
		start_under_rota "rota-$1" "command: rota-http" \
		    "balance: $1" ;;
	hand-over)
		start_under_rota rota-hand-over "command: rota-http" \
		    "mechanism: hand-over" ;;
	rota-node) start_rota_node rota-node ;;
	rota-node-hand-over)
		start_rota_node "$1" "mechanism: hand-over" ;;
	bare) start_without_supervisor bare 1 ;;
	bare-reuseport) start_without_supervisor "$1" "$workers" ;;
	rota-gunicorn) start_rota_gunicorn ;;
	alone | nginx | node | pm2 | gunicorn) "start_$1" ;;
	*) die "no such server: $1" ;;
	esac
}
