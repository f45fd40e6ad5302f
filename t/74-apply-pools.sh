#!/bin/sh
# budget: 240
# Listeners and pools come and go with a new config, while clients ask those
# that stay; what cannot be had undoes all of it.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
http=$top_builddir/rota-http
rota_config=$tmp/rota.yaml

one=$(free_port 1)
two=$(free_port 2)
sock=$tmp/web.socket

# The pool web, with these listeners.
web() {				# web LISTENERS [MORE-ON-INPUT]
	{
		echo "pools:"
		echo "  - name: web"
		echo "    command: $http --id web"
		echo "    listen: [ $1 ]"
		echo "    count: 2"
		echo "    ready: { timeout: 5s, soak: 100ms }"
		if [ $# -gt 1 ]; then
			cat
		fi
	} >"$tmp/web.new"
	mv -f "$tmp/web.new" "$rota_config"
}

fails() {			# fails NAME EXPRESSION
	rota plan
	cp "$tmp/out" "$tmp/plan"
	rota apply
	cp "$tmp/err" "$tmp/refusal"
	is "$1: exit status" "$status" 1
	like "$1: the reason" "$(cat "$tmp/refusal")" "$2"
	rota plan
	is "$1: plan says the same as before" "$(cat "$tmp/out")" \
	    "$(cat "$tmp/plan")"
}

answers() {			# answers TCP-PORT COUNT: so many workers
	port=$1
	workers_answer "$2"
}

unix_answers() {		# unix_answers COUNT
	"$load" --unix "$sock" -n 8 >"$tmp/ask" 2>&1 &&
	    [ "$(value pids "$tmp/ask")" -eq "$1" ]
}

refuses() {			# refuses TCP-PORT
	port=$1
	ask 1
	[ "$(value failed_refused "$tmp/ask")" = 1 ]
}

# --- listeners --------------------------------------------------------------
web "$one"
run_rota
holds "2 workers answer" wait_for 30 answers "$one" 2
load_start stay -c 8 --rate 1000
load_start stay_keep -c 8 --rate 1000 --mode keep
web "$one, $two, 'unix:$sock'"
applies "add listeners" "web: listen: .* -> .*; replaces 2 workers, .*"
holds "add listeners: tcp answers" wait_for 20 answers "$two" 2
holds "add listeners: unix answers" wait_for 20 unix_answers 2
start "$tmp/unix.out" "$load" --unix "$sock" -c 4 --rate 500 \
    --stop-file "$tmp/unix.stop" --failures "$tmp/unix.failures"
echo "$started_pid" >"$tmp/unix.pid"
web "$one, 'unix:$sock'"
applies "drop tcp" "web: listen: .* -> .*; replaces 2 workers, .*"
holds "drop tcp: its clients are refused" refuses "$two"
web "'unix:$sock', http=$one"
applies "another order" "web: listen: .* -> .*; replaces 2 workers, .*"
load_stop unix
no_failures "others came and went" unix
web "$one"
applies "drop unix" "web: listen: .* -> .*; replaces 2 workers, .*"
holds "drop unix: it is gone from the folder" test ! -e "$sock"
holds "nobody else is left" wait_for 20 is_settled web

# --- pools ------------------------------------------------------------------
web "$one" more <<END
  - name: api
    command: $http --id api
    listen: [ $two ]
    count: 2
    ready: { timeout: 5s, soak: 100ms }
END
first=$(pids_of web)
applies "add a pool" "api: new pool; starts 2 workers"
holds "add a pool: it answers" wait_for 20 answers "$two" 2
is "add a pool: all are ready" "$(all_are ready 2 api && echo yes)" yes

# The port goes from one pool to the other, and nobody is refused.
port=$two
load_start moved -c 8 --rate 1000
web "$one, $two" more <<END
  - name: api
    command: $http --id api
    listen: [ "unix:$sock" ]
    count: 2
    ready: { timeout: 5s, soak: 100ms }
END
applies "a port moves" "web: listen: .*replaces 2.*" \
    "api: listen: .*replaces 2.*"
holds "a port moves: nobody else is left" wait_for 20 is_settled web api
holds "a port moves: it answers" wait_for 20 answers "$two" 2
is "a port moves: those who answer are of the other pool" \
    "$(answered | sort)" "$(pids_of web | sort)"
holds "a port moves: the pool has its other one" wait_for 20 unix_answers 2
load_stop moved
no_failures "a port moves" moved

# And with its pool gone.
port=$two
load_start orphan -c 8 --rate 1000
web "$one" more <<END
  - name: new
    command: $http --id new
    listen: [ $two ]
    count: 3
    ready: { timeout: 5s, soak: 100ms }
END
applies "a pool for a pool" "new: new pool; starts 3 workers" \
    "web: listen: .*replaces 2.*" \
    "api: no longer there; stops 2 processes"
holds "a pool for a pool: nobody else is left" wait_for 20 is_settled web new
holds "a pool for a pool: it answers" wait_for 20 answers "$two" 3
is "a pool for a pool: those who answer are of the new one" \
    "$(answered | sort)" "$(pids_of new | sort)"
rota status api
like "a pool for a pool: the old one is no target" "$(said)" \
    "^1 rota: no pool 'api'"
load_stop orphan
no_failures "a pool for a pool" orphan

web "$one"
applies "remove a pool" "new: no longer there; stops 3 processes"
holds "remove a pool: its clients are refused" wait_for 20 refuses "$two"
holds "remove a pool: its workers are gone" wait_for 20 is_settled web

# A removed pool that still drains cannot be had again yet.
: >"$tmp/hold"
web "$one" more <<END
  - name: slow
    argv: [ sh, -c, "trap '' TERM; while [ -e $tmp/hold ]; do sleep 0.1; done" ]
    count: 1
    ready: { delay: 100ms, soak: 100ms }
    stop: { timeout: 60s }
END
applies "a slow pool" "slow: new pool; starts 1 worker"
cp "$rota_config" "$tmp/with_slow"
web "$one"
applies "it is removed" "slow: no longer there; stops 1 process"
cp "$tmp/with_slow" "$rota_config"
rota apply
like "it cannot be had again yet" "$(said)" \
    "^1 .*pool 'slow' is still stopping"
rm "$tmp/hold"
holds "but when it is gone" wait_for 20 eval 'rota apply; [ $status -eq 0 ]'
web "$one"
rota apply
is "and goes" "$status" 0

# --- all or nothing ---------------------------------------------------------
first=$(pids_of web)
web "$one" more <<END
    env: { NEW: "yes" }
  - name: good
    command: $http --id good
    listen: [ $two ]
    count: 1
    ready: { timeout: 5s, soak: 100ms }
  - name: bad
    argv: [ sh, -c, "echo no licence >&2; exit 3" ]
    count: 2
    ready: { delay: 100ms, soak: 100ms }
    backoff: { initial: 1s }
END
fails "a pool cannot start" \
    'bad: slot [01] is (in back-off|waiting): exit status 3'
like "a pool cannot start: its last lines" "$(cat "$tmp/refusal")" \
    '^bad \| no licence$'
is "a pool cannot start: no worker of the others was replaced" \
    "$(pids_of web)" "$first"
holds "a pool cannot start: the others are gone" wait_for 20 is_settled web
holds "a pool cannot start: nor do they listen" refuses "$two"

web "$one, $two" more <<END
  - name: good
    command: $http --id good
    listen: [ "unix:$sock" ]
    count: 1
    ready: { timeout: 5s, soak: 100ms }
  - name: bad
    argv: [ $http, --exit, "4" ]
    listen: [ "unix:$sock.2" ]
    count: 1
    ready: { timeout: 5s, soak: 100ms }
    backoff: { initial: 1s }
END
fails "another cannot start" 'bad: slot 0 is in back-off: exit status 4'
holds "another cannot start: all is as it was" wait_for 20 is_settled web
holds "another cannot start: nothing is left in the folder" \
    test ! -e "$sock" -a ! -e "$sock.2"
holds "another cannot start: no new listener" refuses "$two"

# The first rollout is good, the second is not.
web "$one" more <<END
  - name: api
    command: $http --id api
    listen: [ $two ]
    count: 2
    ready: { timeout: 5s, soak: 100ms }
END
rota apply
is "a second pool" "$status" 0
port=$two
load_start second -c 8 --rate 1000
web "$one, 'unix:$sock'" more <<END
    env: { NEW: "yes" }
  - name: api
    command: $http --id api --die-after 50ms
    listen: [ $two ]
    count: 2
    ready: { timeout: 5s, soak: 500ms }
END
fails "the second rollout fails" \
    'api: slot [01]: pid [0-9]* ended [0-9]* ms after it was ready'
holds "the second rollout fails: nobody else is left" \
    wait_for 20 is_settled web api
holds "the second rollout fails: the first listener is gone" \
    test ! -e "$sock"
load_stop second
no_failures "the second rollout fails" second
for pid in $(pids_of web); do
	is "the second rollout fails: environment of $pid" \
	    "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c '^NEW=')" 0
done
load_stop stay stay_keep
no_failures "all of it" stay stay_keep
stop_rota
is "rota ends well" "$?" 0
done_testing
