#!/bin/sh
# budget: 300
# Clients of the control socket that behave badly hurt nobody else: workers
# serve, commands are answered, and nothing is left of it afterwards.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
sock=$ROTA_RUNTIME_DIR/rota.sock

control() {			# control COMMAND [ARGUMENT...]
	timeout 30 "$top_builddir/rota" "$@" -s "$sock" >"$tmp/out" 2>&1
}

# Start one, and wait until it has done what it does; sets $pest_pid.
pest() {			# pest KIND [N]
	start "$tmp/pest.$1" "$top_builddir/t/pest" "$sock" "$@"
	pest_pid=$started_pid
	holds "$1: it begins" wait_for 30 test -s "$tmp/pest.$1"
}

# Ended without a chance to say good-bye.
end_pest() {			# end_pest PID...
	for _pid in "$@"; do
		kill -KILL "$_pid"
		reap 10 "$_pid"
	done
	:
}

others_are_well() {		# others_are_well TEXT
	ask 20
	is "$1: connections are served" "$(value ok "$tmp/ask")" 20
	holds "$1: commands are answered" control status
}

descriptors() {
	find "/proc/$rota_pid/fd" -mindepth 1 | wc -l
}

has_at_most() {			# has_at_most DESCRIPTORS
	[ "$(descriptors)" -le "$1" ]
}

rss_kb() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$rota_pid/status"
}

start_rota "pools:
- name: web
  command: rota-http
  port: 0
  count: 2
- name: many
  command: sleep 100000
  count: 50
  ready: { delay: 0 }
- name: flood
  argv: [sh, -c, 'while :; do seq 100000 100400; sleep 0.05; done']
  count: 1"
port=$(rota_port)
holds "2 workers answer" wait_for 30 workers_answer 2
holds "others are ready" wait_for 30 log_has 1 'all 50 workers are ready'
fresh=$(descriptors)
load_start all -c 4

pest crowd 70
crowd=$pest_pid
is "crowd: as many as there is room for" "$(cat "$tmp/pest.crowd")" \
    "in=64 refused=6"
ask 20
is "crowd: connections are served" "$(value ok "$tmp/ask")" 20
control status
is "crowd: one more is refused" "$?" 1
like "crowd: and told why" "$(cat "$tmp/out")" 'too many clients'
end_pest "$crowd"
holds "crowd: when it is gone there is room" wait_for 20 control status

pest garbage
like "garbage: each line has its error, then it is closed" \
    "$(cat "$tmp/pest.garbage")" '^errors=10[01] closed=1$'
others_are_well garbage
end_pest "$pest_pid"

pest half
half=$pest_pid
pest slow
slow=$pest_pid
pest unread
unread=$pest_pid
others_are_well "half a line, slow and not reading at all"

# One that is stopped while lines for it keep coming.
start "$tmp/follow" "$top_builddir/rota" logs -f -s "$sock" flood
follow=$started_pid
holds "stopped: it follows" wait_for 20 test -s "$tmp/follow"
kill -STOP "$follow"
before=$(wc -l <"$log")
more_lines() {
	[ "$(wc -l <"$log")" -gt $((before + 20000)) ]
}
holds "stopped: lines keep coming" wait_for 60 more_lines
others_are_well stopped
kill -CONT "$follow"
holds "stopped: it goes on, and hears what it has missed" \
    wait_for 20 grep -q 'left out' "$tmp/follow"
end_pest "$half" "$slow" "$unread" "$follow"
if [ "${ROTA_TEST_SCALE:-full}" = full ]; then
	holds "rota stays small: $(rss_kb) kB" test "$(rss_kb)" -lt 40000
fi

# No descriptor to be had: who has one goes on, others wait.
if command -v prlimit >"$tmp/which"; then
	limits=$(prlimit -p "$rota_pid" --nofile --noheadings -o SOFT,HARD |
	    sed 's/^ *//; s/  */:/')
	prlimit -p "$rota_pid" "--nofile=3:${limits#*:}"
	for i in 1 2 3; do
		start "$tmp/waits.$i" "$top_builddir/rota" status -s "$sock"
		waits="${waits:-} $started_pid"
	done
	holds "no descriptors: it says so" \
	    wait_for 10 log_has 1 'control: no new clients for a moment'
	prlimit -p "$rota_pid" "--nofile=$limits"
	# shellcheck disable=SC2086
	holds "no descriptors: who waited is answered" \
	    wait_for 20 none_alive $waits
	like "no descriptors: with the status" "$(cat "$tmp/waits.1")" web
	others_are_well "no descriptors"
else
	skip "no descriptors" "prlimit is not installed"
fi

load_stop all
no_failures "all the time" all
holds "the flood is stopped" control stop flood
holds "the descriptors of the clients are back" \
    wait_for 20 has_at_most "$fresh"
holds "it comes to rest" wait_for 30 is_unchanged
before=$(status_value voluntary_ctxt_switches)
sleep 4
is "voluntary context switches in 4 seconds without clients" \
    $(($(status_value voluntary_ctxt_switches) - before)) 0
stop_rota
is "rota ends well" "$?" 0

# No room for the socket: that is said, and nothing runs uncontrolled.
mkdir "$tmp/full"
if mount -t tmpfs -o size=4k,nr_inodes=1 none "$tmp/full" 2>"$tmp/mount"
then
	printf '%s\n' "command: sleep 100" \
	    "control: { path: $tmp/full/s.sock }" >"$tmp/full.yaml"
	timeout 20 "$top_builddir/rota" run "$tmp/full.yaml" \
	    >"$tmp/full.out" 2>&1
	is "disk full: it does not start" "$?" 1
	umount "$tmp/full"
	like "disk full: and says why" "$(cat "$tmp/full.out")" \
	    's\.sock.*No space left'
else
	skip "disk full" "only root may mount a small file system"
fi
done_testing
