# shellcheck shell=sh disable=SC2034,SC2154
# Commands to a running supervisor, for test scripts that have sourced
# t/lib.sh.  They find it by its socket, the only one in $ROTA_RUNTIME_DIR.

# Sets $status; $tmp/out and $tmp/err have the output.
rota() {			# rota ARGUMENT...
	"$top_builddir/rota" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	cat "$tmp/err" >>"$tmp/logs"
}

# Exit status, stdout, stderr.
said() {
	echo "$status $(cat "$tmp/out" "$tmp/err")"
}

# The same in the background, with ^C not ignored; sets $started_pid.
command_start() {		# command_start NAME ARGUMENT...
	_name=$1
	shift
	start "$tmp/$_name.said" env --default-signal=INT \
	    "$top_builddir/rota" "$@"
	echo "$started_pid" >"$tmp/$_name.pid"
}

# Its exit status; $tmp/NAME.said has what it said.
command_end() {			# command_end NAME
	reap 60 "$(cat "$tmp/$1.pid")"
}

# The state of everything, an object a line.
state() {
	"$top_builddir/rota" status --json ${1+"$@"} 2>>"$tmp/logs" |
	    sed 's/{"name":"/\n&/g; s/{"slot":/\n&/g'
}

# SLOT STATE GENERATION PID of each slot, sorted; 0 where there is none.
slots_of() {			# slots_of TARGET
	state "$1" | sed -n 's/^{"slot":\([0-9]*\),"state":"\([^"]*\)",'\
'"generation":\([^,]*\),"pid":\([^,]*\),.*/\1 \2 \3 \4/p' |
	    sed 's/null/0/g'
}

states_of() {			# states_of TARGET: "ready ready stopped"
	slots_of "$1" | awk '{ printf "%s%s", n++ ? " " : "", $2 }'
}

pids_of() {			# pids_of TARGET: in the order of the slots
	slots_of "$1" | awk '{ print $4 }'
}

generations_of() {		# generations_of TARGET: each once
	slots_of "$1" | awk '{ print $3 }' | sort -nu | tr '\n' ' ' |
	    sed 's/ $//'
}

# Every slot of the pool is in this state, and there are so many.
all_are() {			# all_are STATE COUNT POOL
	[ "$(slots_of "$3" | awk -v s="$1" '$2 == s' | wc -l)" -eq "$2" ] &&
	    [ "$(slots_of "$3" | wc -l)" -eq "$2" ]
}

# Nothing is under way, and no old worker is left.
is_quiet() {
	state | grep -q '"activity":null' &&
	    ! state | grep -q '"draining":\[{'
}

state_has() {			# state_has EXTENDED-REGULAR-EXPRESSION
	state | grep -Eq -- "$1"
}

event_count() {			# event_count EXTENDED-REGULAR-EXPRESSION
	"$top_builddir/rota" events -n 1000 2>>"$tmp/logs" |
	    grep -Ec -- "$1"
}

# No process but those of the slots, and no zombie.
nobody_else() {			# nobody_else POOL...
	for _pool in "$@"; do
		pids_of "$_pool"
	done | grep -vx 0 | sort >"$tmp/known"
	children_of "$rota_pid" | sort >"$tmp/children"
	cmp "$tmp/known" "$tmp/children"
}


# A TCP port that nobody has, below those that the kernel gives away.
free_port() {			# free_port N: another one for each N
	_n=$(($1 * 20))
	while _n=$((_n + 1)) && [ "$_n" -lt $(($1 * 20 + 20)) ]; do
		_port=$((20000 + ($$ * 13 + _n * 101) % 12000))
		printf 'command: sleep 1\nport: %s\n' "$_port" \
		    >"$tmp/port.yaml"
		if "$top_builddir/rota" check --strict "$tmp/port.yaml" \
		    >"$tmp/port.out" 2>&1; then
			echo "$_port"
			return
		fi
	done
}

ignores_hup() {
	[ "$((0x$(sed -n 's/^SigIgn:.//p' "/proc/$rota_pid/status") & 1))" \
	    -eq 1 ]
}

is_settled() {			# is_settled POOL...
	is_quiet && nobody_else "$@"
}

# plan says this, apply does it, and then there is nothing to do.
applies() {			# applies NAME EXPRESSION...: a line each
	_what=$1
	shift
	rota plan
	cp "$tmp/out" "$tmp/plan"
	is "$_what: plan succeeds" "$status" 0
	is "$_what: changes of the plan" "$(wc -l <"$tmp/plan")" "$#"
	for _line in "$@"; do
		like "$_what: plan" "$(cat "$tmp/plan")" "^$_line\$"
	done
	rota apply
	is "$_what: apply does what plan said" "$status $(cat "$tmp/out")" \
	    "0 $(cat "$tmp/plan")"
	rota plan
	is "$_what: nothing is left to do" "$(said)" "0 nothing would change"
}

deploy() {			# deploy LINE...: the program at $app is this script
	printf '%s\n' "#!/bin/sh" "$@" >"$app.new"
	chmod 755 "$app.new" && mv -f "$app.new" "$app"
}
