# shellcheck shell=sh disable=SC2034,SC2086,SC2154
# Load on a server, for test scripts that have sourced t/lib.sh: rota-load in
# the background, each run under a name.  $port is the port to ask.
load=$top_builddir/t/rota-load

# value KEY FILE: what rota-load has printed.
value() {
	sed -n "s/^$1=//p" "$2"
}

# ask N [OPTION...]: N requests, now; the result is in $tmp/ask.
ask() {
	"$load" --port "$port" -n "$@" >"$tmp/ask" 2>&1
}

ok_failed() {			# of the last ask, or of this output
	echo "$(value ok "${1:-$tmp/ask}") $(value failed "${1:-$tmp/ask}")"
}

# The pids of those who answered the last ask.
answered() {
	sed -n 's/^pid\.\([0-9]*\)=.*/\1/p' "$tmp/ask"
}

# fetch PATH: what t/worker.py answers, into $tmp/body; with $python.
fetch() {
	"$python" -I -S -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(f"GET {sys.argv[2]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
text = b"".join(iter(lambda: s.recv(65536), b""))
print(text.decode().partition("\r\n\r\n")[2])' \
	    "$port" "$1" >"$tmp/body" 2>"$tmp/fetch.err"
}

variable() {			# variable NAME: of what /env answered
	sed -n "s/^$1=//p" "$tmp/body"
}

# The load leaves room for what it is to disturb, and for the tests beside it:
# so many requests a second, unless a test wants another rate; where everything
# is slow no test gets more.
usual_rate='--rate 1000'
slow_rate=$(by_scale '' '--rate 300')
any_rate=1000000			# as many as can be

# Runs until load_stop.
load_start() {			# load_start NAME [OPTION...]
	_name=$1
	shift
	rm -f "$tmp/$_name.stop"
	start "$tmp/$_name.out" "$load" --port "$port" \
	    --stop-file "$tmp/$_name.stop" \
	    --failures "$tmp/$_name.failures" $usual_rate "$@" $slow_rate
	echo "$started_pid" >"$tmp/$_name.pid"
}

# Ends gracefully: what has been begun is finished and counted.
load_stop() {			# load_stop NAME...
	for _name in "$@"; do
		: >"$tmp/$_name.stop"
	done
	for _name in "$@"; do
		reap 90 "$(cat "$tmp/$_name.pid")"
	done
}

load_value() {			# load_value NAME KEY
	value "$2" "$tmp/$1.out"
}

# no_failures TEXT NAME...: every request of these runs was answered right.
no_failures() {
	_text=$1
	shift
	for _name in "$@"; do
		is "$_text: $_name, failed of $(load_value "$_name" requests)" \
		    "$(load_value "$_name" failed)" 0 && continue
		grep '^failed_.*=[1-9]' "$tmp/$_name.out" | sed 's/^/#   /'
		head -n 5 "$tmp/$_name.failures" | sed 's/^/#   /'
	done
}

# Exactly so many different workers answer (each has to be up for that).
workers_answer() {		# workers_answer COUNT
	ask $(($1 * 3)) && [ "$(value pids "$tmp/ask")" -eq "$1" ]
}

# One rolling restart, waited for; how it ended is in $rollout_result.
rollout() {
	_result='rollout of generation .*(failed|cancelled)|is rolled out'
	_result="$_result|rollout refused"
	_before=$(log_count "$_result")
	rollout_result="no result in 90 s"
	kill -USR2 "$rota_pid"
	wait_for 90 log_has $((_before + 1)) "$_result" || return 1
	rollout_result=$(grep -E "$_result" "$log" | tail -n 1)
	case $rollout_result in
	*"is rolled out"*) ;;
	*) return 1 ;;
	esac
}

cpu_ticks() {			# user and system time of rota
	sed 's/.*) //' "/proc/$rota_pid/stat" | awk '{ print $12 + $13 }'
}

status_value() {		# status_value KEY: of rota
	sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$rota_pid/status"
}

is_unchanged() {		# rota has not been awake for a second
	_switches=$(status_value voluntary_ctxt_switches)
	sleep 1
	[ "$(status_value voluntary_ctxt_switches)" -eq "$_switches" ]
}

# Failed requests that no killed worker had begun, of rota-load's FILE, as far
# as $tmp/journal tells of those in $tmp/killed: each may have been killed
# between taking a connection and noting it.
not_noted() {			# not_noted FILE
	awk -v killed="$tmp/killed" -v journal="$tmp/journal" '
	    BEGIN {
		while ((getline <killed) > 0)
			dead[$1] = 1
		while ((getline <journal) > 0)
			if ($1 in dead)
				begun[$2] = 1
	    }
	    !($1 in begun)' "$1"
}
