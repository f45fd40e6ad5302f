#!/bin/sh
# budget: 300
# The presets of rota-ipc(7), each with the real program: it starts, answers,
# comes back after a crash, is replaced under load without a failed request,
# and leaves when it is told to.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
requests=$(by_scale 1500 200)
PATH=$PATH:/usr/sbin
find_python || python=python3

has() {				# has NAME PROGRAM
	command -v "$2" >/dev/null && return 0
	skip "$1" "$2 is missing"
	return 1
}

# Those that stop as uvicorn does close what they have accepted and not yet
# read from: rare, and theirs.  Any other failure would be rota's.
only_closed() {			# only_closed NAME
	sed '/^failed_reset=/d; /^failed_early_eof=/d' "$tmp/$1.out" |
	    grep '^failed_.*=[1-9]' && return 1
	[ $(($(load_value "$1" failed) * 100)) -lt \
	    "$(load_value "$1" requests)" ]
}

# try NAME [closing]: with the config in $tmp/NAME.yaml
try() {
	rota_config=$tmp/$1.yaml
	run_rota
	port=$(rota_port)
	if ! wait_for 40 all_ready 2; then
		not_ok "$1: is ready"
		show_log
		stop_rota
		return
	fi
	ok "$1: is ready"
	holds "$1: answers" wait_for 20 ask 10
	pid=$(sed -n 's/.*\[0\] pid \([0-9]*\): started.*/\1/p' "$log" |
	    head -n 1)
	kill -KILL "$pid"
	holds "$1: comes back after a crash" \
	    wait_for 20 log_has 3 'started, generation 1'
	holds "$1: and is ready" wait_for 20 two_are_ready
	load_start new -c 4 --at-least "$requests"
	holds "$1: rolling restart" rollout
	load_stop new
	if [ "${2-}" = closing ]; then
		holds "$1: only what it closed itself failed" only_closed new
	else
		no_failures "$1" new
	fi
	holds "$1: answers after it" ask 10
	stop_rota
	is "$1: a graceful stop" "$? $(log_count 'killing it')" "0 0"
}

two_are_ready() {
	"$top_builddir/rota" status -c "$rota_config" --json |
	    grep -Eo '"state": ?"ready"' | wc -l | grep -qx 2
}

# What all have in common.  A delay need not be as long as their start here:
# what comes earlier waits in the listener.
conf() {			# conf NAME TEXT
	printf '%s\n' "$2" "name: $1" 'count: 2' \
	    'backoff: {initial: 20ms}' >"$tmp/$1.yaml"
}

# --- gunicorn: dialect systemd ----------------------------------------------
cat >"$tmp/app.py" <<'END'
import os


def wsgi(environ, start):
    body = b"Handled by process %d.\nCached value: none\n" % os.getpid()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b"Handled by process %d.\nCached value: none\n" % os.getpid()
    await send({"type": "http.response.start", "status": 200, "headers":
                [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
END
if has gunicorn gunicorn; then
	conf gunicorn 'command: gunicorn --workers 1 app:wsgi
listen: 127.0.0.1:0
dialect: systemd
ready: {soak: 100ms}'
	try gunicorn
fi

# --- uvicorn: --fd -----------------------------------------------------------
if has uvicorn uvicorn; then
	conf uvicorn 'command: uvicorn --fd {fd:http} app:asgi
listen: http=127.0.0.1:0
dialect: plain
ready: {delay: 1s, soak: 100ms}'
	try uvicorn closing
fi

# --- nginx: NGINX -------------------------------------------------------------
free_port() {
	"$python" -I -S -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
if has nginx nginx && has nginx "$python"; then
	number=$(free_port)
	cat >"$tmp/nginx.conf" <<END
daemon off;
error_log stderr;
worker_processes 1;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path $tmp/nginx1;
	proxy_temp_path $tmp/nginx2;
	fastcgi_temp_path $tmp/nginx3;
	uwsgi_temp_path $tmp/nginx4;
	scgi_temp_path $tmp/nginx5;
	server {
		listen 127.0.0.1:$number;
		location / {
			return 200 "Handled by process \$pid.
Cached value: none
";
		}
	}
}
END
	chmod 755 "$tmp"
	conf nginx "argv: [nginx, -p, $tmp, -c, $tmp/nginx.conf, -g,
  'pid $tmp/nginx.{slot}.pid;']
listen: http=127.0.0.1:$number
dialect: plain
env: {NGINX: '{fd:http};'}
stop: {signal: QUIT}
ready: {delay: 300ms, soak: 100ms}"
	try nginx
fi

# --- HAProxy: fd@ -------------------------------------------------------------
if has haproxy haproxy; then
	cat >"$tmp/haproxy.cfg" <<'END'
defaults
	mode http
	timeout client 10s
	timeout server 10s
	timeout connect 10s
frontend http
	bind fd@${HTTP_FD}
END
	printf '\thttp-request return status 200 content-type %s %s "%s"\n' \
	    text/plain lf-string \
	    'Handled by process %pid.\nCached value: none\n' \
	    >>"$tmp/haproxy.cfg"
	conf haproxy "argv: [haproxy, -db, -f, $tmp/haproxy.cfg]
listen: http=127.0.0.1:0
dialect: plain
env: {HTTP_FD: '{fd:http}'}
stop: {signal: USR1}
ready: {delay: 300ms, soak: 100ms}"
	try haproxy
fi

# --- php-fpm: FPM_SOCKETS -----------------------------------------------------
# FastCGI, of which rota-load knows nothing: a client of a few lines.
cat >"$tmp/fcgi.py" <<'END'
import os, socket, struct, sys, time
port, script, stop = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def record(kind, data):
    return struct.pack("!BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def ask():
    params = b"".join(
        struct.pack("!BB", len(k), len(v)) + k + v for k, v in (
            (b"SCRIPT_FILENAME", script.encode()),
            (b"REQUEST_METHOD", b"GET")))
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        s.sendall(record(1, struct.pack("!HB5x", 1, 0)) +
                  record(4, params) + record(4, b"") + record(5, b""))
        return b"".join(iter(lambda: s.recv(4096), b""))


asked = failed = 0
while not os.path.exists(stop) or asked < 50:
    asked += 1
    try:
        failed += b"Handled by process" not in ask()
    except OSError as e:
        print(e)
        failed += 1
print(f"asked={asked}\nfailed={failed}")
END
fpm=$(find /usr/sbin -name 'php-fpm*' | sort | tail -n 1)
if [ -z "$fpm" ]; then
	skip php-fpm "php-fpm is missing"
elif has php-fpm "$python"; then
	number=$(free_port)
	printf '<?php echo "Handled by process ", getmypid(), ".\\n";' \
	    >"$tmp/x.php"
	user=
	if [ "$(id -u)" -eq 0 ]; then
		user="user = root"
	fi
	cat >"$tmp/fpm.conf" <<END
[global]
error_log = /dev/stderr
process_control_timeout = 10s
[www]
$user
listen = 127.0.0.1:$number
pm = static
pm.max_children = 2
END
	conf php-fpm "argv: [$fpm, -n, -F, -R, -y, $tmp/fpm.conf]
listen: http=127.0.0.1:$number
dialect: plain
env: {FPM_SOCKETS: '127.0.0.1:$number={fd:http}'}
stop: {signal: QUIT}
ready: {delay: 300ms, soak: 100ms}"
	rota_config=$tmp/php-fpm.yaml
	run_rota
	holds "php-fpm: is ready" wait_for 40 all_ready 2
	start "$tmp/fcgi.out" "$python" -I -S "$tmp/fcgi.py" "$number" \
	    "$tmp/x.php" "$tmp/fcgi.stop"
	fcgi=$started_pid
	holds "php-fpm: rolling restart" rollout
	: >"$tmp/fcgi.stop"
	reap 60 "$fcgi"
	is "php-fpm: failed of $(sed -n 's/asked=//p' "$tmp/fcgi.out")" \
	    "$(sed -n 's/failed=//p' "$tmp/fcgi.out")" 0
	pid=$(sed -n 's/.*\[0\] pid \([0-9]*\): started.*/\1/p' "$log" |
	    tail -n 1)
	kill -KILL "$pid"
	holds "php-fpm: comes back after a crash" \
	    wait_for 20 log_has 5 'started, generation'
	holds "php-fpm: and is ready" wait_for 20 two_are_ready
	stop_rota
	is "php-fpm: a graceful stop" "$? $(log_count 'killing it')" "0 0"
fi
done_testing
