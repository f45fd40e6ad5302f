# shellcheck shell=sh disable=SC2034,SC2154
# Clients that keep their connections, t/places.py, for test scripts that have
# sourced t/lib.sh and t/control.sh.  $port is the port to ask.
find_python || skip_all "no Python"

clients_start() {
	rm -f "$tmp/commands"
	mkfifo "$tmp/commands"
	start "$tmp/places" "$python" -I -S "$top_srcdir/t/places.py" \
	    "$port" "$tmp/commands"
	clients=$started_pid
	exec 9>"$tmp/commands"
	told=0
}

clients_stop() {
	exec 9>&-
	reap 10 "$clients"
}

has_answer() {
	[ "$(wc -l <"$tmp/places")" -ge "$told" ]
}

# What they say to a command.
tell() {			# tell COMMAND...
	told=$((told + 1))
	echo "$*" >&9
	wait_for 60 has_answer
	answer=$(sed -n "${told}p" "$tmp/places")
}

tells() {			# tells NAME ANSWER COMMAND...
	_name=$1
	_want=$2
	shift 2
	tell "$@"
	is "$_name" "$answer" "$_want"
}

open_of() {			# open_of POOL: in the order of the slots
	state "$1" | sed -n 's/.*"open":\([^,]*\),.*/\1/p' | tr '\n' ' ' |
	    sed 's/ $//'
}

pool_value() {			# pool_value KEY: of the only one
	state | sed -n "s/^{\"name\":.*\"$1\":\\(\"[^\"]*\"\\|[^,]*\\),.*/\\1/p"
}
