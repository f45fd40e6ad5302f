# shellcheck shell=sh
# Sourced by every test script.  Prints TAP; see HACKING.md for how a test is
# written.  What a test starts is registered, and killed by pid at its end.
#
#	top_builddir, top_srcdir	where programs and files are found
#	ROTA_TEST_SCALE=full|quick	quick: fewer requests (sanitizers)
#	ROTA_WRAP			a command in front of rota, as valgrind
#	ROTA_TEST_KEEP=1		leave the scratch folder behind
#	ROTA_MECHANISM=hand-over|classic	the kernel takes no turns; see
#			rota(1)
#
# Set here: $tmp (scratch folder), $log (stderr of rota), $rota_pid.
set -u
top_builddir=$(cd "${top_builddir:-.}" && pwd) || exit 99
top_srcdir=$(cd "${top_srcdir:-$(dirname "$0")/..}" && pwd) || exit 99
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH top_builddir top_srcdir

# Where there are sanitizers, most programs take longer to look for leaks at
# their end than for all else: supervisors and their workers do, and what a
# test runs after look_for_leaks.
leaks_options=${ASAN_OPTIONS-}
ASAN_OPTIONS=$leaks_options:detect_leaks=0
export ASAN_OPTIONS

look_for_leaks() {
	ASAN_OPTIONS=$leaks_options
}

test_count=0
test_failed=0
rota_pid=
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rota-test.XXXXXX") || exit 99
log=$tmp/log
ROTA_RUNTIME_DIR=$tmp/run		# of the control sockets
export ROTA_RUNTIME_DIR
: >"$tmp/started"

# --- results --------------------------------------------------------------
diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

ok() {				# ok NAME
	test_count=$((test_count + 1))
	echo "ok $test_count - $1"
}

not_ok() {			# not_ok NAME
	test_count=$((test_count + 1))
	test_failed=1
	echo "not ok $test_count - $1"
}

is() {				# is NAME GOT WANT
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		diag "got '$2', want '$3'"
		return 1
	fi
}

like() {			# like NAME GOT EXTENDED-REGULAR-EXPRESSION
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		ok "$1"
	else
		not_ok "$1"
		diag "got '$2', want a match of '$3'"
		return 1
	fi
}

holds() {			# holds NAME COMMAND...: it exits with 0
	_name=$1
	shift
	if "$@" >"$tmp/holds.out" 2>&1; then
		ok "$_name"
	else
		not_ok "$_name"
		diag "failed: $*"
		head -n 20 "$tmp/holds.out" | sed 's/^/# /'
		return 1
	fi
}

skip() {			# skip NAME REASON: one point only
	test_count=$((test_count + 1))
	echo "ok $test_count - $1 # SKIP $2"
}

skip_all() {			# skip_all REASON
	echo "1..0 # SKIP $1"
	exit 0
}

bail_out() {			# the rest of this script makes no sense
	echo "Bail out! $1"
	show_log
	exit 99
}

done_testing() {
	check_logs
	if [ "$test_failed" -ne 0 ]; then
		show_log
	fi
	echo "1..$test_count"
	exit "$test_failed"
}

# What no run of rota may ever log: a bug, found by itself or a sanitizer.
check_logs() {
	cat "$log" "$tmp/logs" 2>/dev/null >"$tmp/all_logs"
	if grep -Eq 'Sanitizer|runtime error:|: bug: ' "$tmp/all_logs"; then
		not_ok "nothing is said of a bug"
		grep -E -A 20 'Sanitizer|runtime error:|: bug: ' \
		    "$tmp/all_logs" | head -n 40 | sed 's/^/# /'
	fi
	valgrind_says <"$tmp/all_logs" >"$tmp/valgrind"
	if [ -s "$tmp/valgrind" ]; then
		not_ok "valgrind finds nothing"
		head -n 40 "$tmp/valgrind" | sed 's/^/# /'
	fi
}

# Errors, leaks, and descriptors that are open at the end; an inherited one
# has no stack, or that of its move to a higher number.
valgrind_says() {
	awk '/^==[0-9]+== *$/ {
		if (said ~ / at 0x/ && said !~ / reserve_one /)
			printf "%s", said
		said = ""
		next
	}
	/^==[0-9]+== / { said = said $0 "\n" }'
}

show_log() {
	if [ -s "$log" ]; then
		diag "last lines of $log:"
		tail -n 40 "$log" | cut -c 1-300 | sed 's/^/#   /'
	fi
}

# --- waiting --------------------------------------------------------------
# wait_for SECONDS COMMAND...: until it exits with 0; polls, at most so long.
wait_for() {
	_left=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		_left=$((_left - 1))
		if [ "$_left" -le 0 ]; then
			return 1
		fi
		sleep 0.05
	done
}

# Alive, and not a zombie.
is_alive() {			# is_alive PID
	case $(proc_state "$1") in
	'' | Z | X) return 1 ;;
	esac
}

is_gone() {			# is_gone PID: not even a zombie
	[ ! -e "/proc/$1/stat" ]
}

all_gone() {			# all_gone PID...
	for _pid in "$@"; do
		is_gone "$_pid" || return 1
	done
}

none_alive() {			# none_alive PID...; zombies do not count
	for _pid in "$@"; do
		! is_alive "$_pid" || return 1
	done
}

proc_state() {			# one letter, nothing if there is no process
	sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null
}

proc_start() {			# start time in clock ticks
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

children_of() {			# pids of the living children, one per line
	cat "/proc/$1/task"/*/children 2>/dev/null | tr ' ' '\n' |
	    grep . || :
}

zombies_of() {			# zombie children, one per line
	for _pid in $(children_of "$1"); do
		if [ "$(proc_state "$_pid")" = Z ]; then
			echo "$_pid"
		fi
	done
}

# --- processes ------------------------------------------------------------
# A pid is only killed if it is still the process that was registered.
started() {			# started PID
	echo "$1 $(proc_start "$1")" >>"$tmp/started"
}

# Run in the background with stdin from /dev/null; sets $started_pid.
start() {			# start OUTPUT-FILE COMMAND...
	_out=$1
	shift
	"$@" </dev/null >"$_out" 2>&1 &
	started_pid=$!
	started "$started_pid"
}

# Exit status of a child, at most so long; then it is killed, status 124.
reap() {			# reap SECONDS PID
	if ! wait_for "$1" is_ended "$2"; then
		kill -KILL "$2" 2>/dev/null
		wait "$2" 2>/dev/null
		return 124
	fi
	wait "$2" 2>/dev/null
}

is_ended() {
	! is_alive "$1"
}

kill_started() {		# kill_started SIGNAL; true if any was left
	_any=1
	while read -r _pid _start; do
		if [ -n "$_start" ] && is_alive "$_pid" &&
		    [ "$(proc_start "$_pid")" = "$_start" ]; then
			kill "-$1" "$_pid" 2>/dev/null
			_any=0
		fi
	done <"$tmp/started"
	return "$_any"
}

none_left() {
	! kill_started CONT
}

cleanup() {
	trap - EXIT
	if kill_started TERM; then
		kill_started CONT
		wait_for 3 none_left || kill_started TERM
		wait_for 3 none_left || kill_started KILL
	fi
	wait 2>/dev/null
	if [ -n "${ROTA_TEST_KEEP:-}" ]; then
		echo "# kept: $tmp"
	else
		rm -rf "$tmp"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Into $python: the interpreter itself, as a wrapper in the PATH may take
# longer than what it starts.  -I -S spare it most of its own start.
find_python() {
	python=$(python3 -I -S -c 'import sys; print(sys.executable)' \
	    2>"$tmp/python") && [ -n "$python" ]
}

# --- rota -----------------------------------------------------------------
# Write the config and run it; waits for the first line of the log.
start_rota() {			# start_rota CONFIG-TEXT [OPTION...]
	printf '%s\n' "$1" >"$tmp/rota.yaml"
	shift
	rota_config=$tmp/rota.yaml
	run_rota "$@"
}

# The same with the file that $rota_config names.
run_rota() {
	if [ -e "$log" ]; then
		cat "$log" >>"$tmp/logs"
	fi
	: >"$log"
	# shellcheck disable=SC2086 # a command with its options
	PATH="$top_builddir:$PATH" ASAN_OPTIONS=$leaks_options \
	    ${ROTA_WRAP:-} "$top_builddir/rota" run \
	    ${1+"$@"} "$rota_config" </dev/null 2>>"$log" &
	rota_pid=$!
	started "$rota_pid"
	if ! wait_for 20 grep -q "^rota: .*$rota_pid" "$log"; then
		bail_out "rota run does not start"
	fi
}

stop_rota() {			# exit status: that of rota, 124: too slow
	kill -TERM "$rota_pid" 2>/dev/null
	reap 40 "$rota_pid"
}

# The ports of the addresses that the first line of the log names.
rota_ports() {
	grep -m 1 "^rota: .*$rota_pid" "$log" |
	    grep -Eo '(\]|\*|[0-9]+(\.[0-9]+){3}):[0-9]+' | sed 's/.*://'
}

rota_port() {
	rota_ports | head -n 1
}

# One of 8 ports that are this script's own, below those which others are given
# for port 0, in $unused.
unused=$((10000 + $$ * 7 % 2800 * 8))
next_unused_port() {
	unused=$((unused + 1))
	while grep -qi ":$(printf %04X "$unused") " /proc/net/tcp \
	    /proc/net/tcp6 /proc/net/udp /proc/net/udp6; do
		unused=$((unused + 1))
	done
}

log_count() {			# log_count EXTENDED-REGULAR-EXPRESSION
	grep -Ec -- "$1" "$log" || :
}

log_has() {			# log_has COUNT EXTENDED-REGULAR-EXPRESSION
	[ "$(log_count "$2")" -ge "$1" ]
}

all_ready() {			# all_ready COUNT: the one pool's workers
	log_has 1 "all $1 workers are ready"
}

# --- sizes ----------------------------------------------------------------
by_scale() {			# by_scale FULL QUICK
	case ${ROTA_TEST_SCALE:-full} in
	quick) echo "$2" ;;
	*) echo "$1" ;;
	esac
}
