# shellcheck shell=sh disable=SC2154
# For test scripts about turns that the kernel takes; they have sourced
# t/lib.sh, t/load.sh and t/control.sh.  Where it cannot, the script is
# skipped; what the environment says is set aside.
unset ROTA_MECHANISM

start_rota "command: rota-http
name: web
port: 0
count: 1"
if ! state | grep -q '"mechanism":"kernel"'; then
	skip_all "$(state | sed -n 's/.*"reason":"\([^"]*\)".*/\1/p')"
fi
stop_rota

# The program of the pool: this script.
app=$tmp/app
# The most connections that wait in one of the listeners at $port.
most_waiting() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$port" '
		BEGIN { end = sprintf(":%04X", port) }
		$4 == "0A" && substr($2, length($2) - 4) == end {
			split($5, queue, ":")
			print queue[2]
		}' | sort | tail -n 1
}

waits_for() {			# waits_for COUNT: so many, or more, in one
	[ "$((0x$(most_waiting)))" -ge "$1" ]
}

# Who has taken no request of the last ask has not had its turn.
turns_are_exact() {		# turns_are_exact TEXT WORKERS
	is "$1: all are answered, by each of them" \
	    "$(value failed "$tmp/ask") $(value pids "$tmp/ask")" "0 $2"
	holds "$1: turns differ by at most one" \
	    test "$(value pid_spread "$tmp/ask")" -le 1
}
