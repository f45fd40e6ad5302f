#!/bin/sh
# budget: 180
# balance: least-connections, sticky and random, by the kernel where it can
# and by hand-over.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"
sources=$(by_scale 400 100)

# Where the kernel cannot take turns, half of it is left out.
unset ROTA_MECHANISM
start_rota "command: rota-http
name: web
port: 0
count: 1"
ways="kernel hand-over"
rota status web --json -c "$tmp/rota.yaml"
if ! grep -q '"mechanism":"kernel"' "$tmp/out"; then
	skip "by the kernel" \
	    "$(sed -n 's/.*"reason":"\([^"]*\)".*/\1/p' "$tmp/out")"
	ways=hand-over
fi
stop_rota

# pool BALANCE MECHANISM COUNT [ARGUMENT...]
pool() {
	what="$1 by $2"
	balance=$1 mechanism=$2 count=$3
	shift 3
	rota_config=$tmp/rota.yaml
	printf '%s\n' "command: rota-http $*" 'name: web' 'port: 0' \
	    "count: $count" "balance: $balance" "mechanism: $mechanism" \
	    'backoff: { initial: 20ms }' 'ready: { soak: 100ms }' \
	    >"$rota_config"
	run_rota
	port=$(rota_port)
	holds "$what: is ready" wait_for 30 all_ready "$count"
}

# Who answers each source, by slot.
by_source() {			# by_source FILE
	"$load" --port "$port" -n "$sources" --sources "$sources" \
	    --answers "$tmp/answers" >/dev/null
	slots >"$tmp/slots"
	awk 'NR == FNR { slot[$1] = $2; next } { print slot[$3] }' \
	    "$tmp/slots" "$tmp/answers" >"$1"
}

slots() {			# pid and slot of each worker
	"$top_builddir/rota" status -c "$rota_config" |
	    awk '$2 == "ready" { print $3, $1 }'
}

slot_is() {			# slot_is SLOT STATE
	"$top_builddir/rota" status -c "$rota_config" |
	    grep -Eq "^ +$1 +$2 "
}

differing() {			# differing FILE FILE: lines
	paste "$1" "$2" | awk '$1 != $2' | wc -l
}

# Of those that were not of slot 2.
others_moved() {		# others_moved FILE FILE
	paste "$1" "$2" | awk '$1 != 2 && $1 != $2' | wc -l
}

for by in $ways; do
	pool sticky "$by" 4
	by_source "$tmp/first"
	is "$what: all are answered" "$(wc -l <"$tmp/first")" "$sources"
	is "$what: by every slot" "$(sort -u "$tmp/first" | wc -l)" 4
	by_source "$tmp/again"
	is "$what: a client stays" "$(differing "$tmp/first" "$tmp/again")" 0
	rota stop web:2
	by_source "$tmp/without"
	is "$what: only the clients of a slot that is down move" \
	    "$(others_moved "$tmp/first" "$tmp/without")" 0
	is "$what: none of them to it" "$(grep -c 2 "$tmp/without")" 0
	rota start web:2
	by_source "$tmp/back"
	is "$what: and come back" "$(differing "$tmp/first" "$tmp/back")" 0
	rota reload
	by_source "$tmp/reloaded"
	is "$what: a rollout moves nobody" \
	    "$(differing "$tmp/first" "$tmp/reloaded")" 0
	stop_rota

	pool random "$by" 4
	ask "$sources" -c 8
	is "$what: all are answered" \
	    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "$sources 0"
	is "$what: by every slot" "$(value pids "$tmp/ask")" 4
	stop_rota
done

# --- behind a busy worker ---------------------------------------------------
# Four workers, 600 requests a second, each 51st blocks its worker 50 ms.
for by in $ways; do
	pool least-connections "$by" 4 --block-path /block --block 50ms
	ask "$(by_scale 3000 900)" -c 64 --rate 600 --other /block --every 51
	is "$what: all are answered" "$(value failed "$tmp/ask")" 0
	diag "$what: p50 $(value latency_p50_us "$tmp/ask") us," \
	    "p90 $(value latency_p90_us "$tmp/ask") us," \
	    "spread $(value pid_spread "$tmp/ask")"
	is "$what: every worker has its part" "$(value pids "$tmp/ask")" 4
	stop_rota
done

# One worker is busy: what comes meanwhile is for the others.  By hand-over it
# may get one connection more, until it is seen that it does not take it.
for by in $ways; do
	pool least-connections "$by" 3 --block-path /block --block 1s
	start "$tmp/busy" "$load" --port "$port" -n 1 --path /block
	busy=$started_pid
	ask 60 -c 2
	is "$what: all are answered" "$(value failed "$tmp/ask")" 0
	holds "$what: but for one perhaps nobody waits for it" test \
	    "$(value latency_p90_us "$tmp/ask" | cut -d. -f1)" -lt 500000
	reap 10 "$busy"
	holds "$what: it has its turns again" wait_for 10 workers_answer 3
	stop_rota
done
done_testing
