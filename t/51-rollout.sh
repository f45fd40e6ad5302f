#!/bin/sh
# budget: 300
# Ten rolling restarts under load lose no request: new connections and
# keep-alive, both balances, workers that start at once and late.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
rollouts=$(by_scale 10 3)
each=$(by_scale 13000 1000)	# requests, at least, for each kind of load
total=0

# The generations, of those that the log has, none of whose workers is among
# the pids that answered.
silent_generations() {
	sed -n 's/.* pid \([0-9]*\): started, generation \([0-9]*\)$/\1 \2/p' \
	    "$log" >"$tmp/generations"
	sed -n 's/^pid_answers\.\([0-9]*\)=.*/\1/p' "$tmp/new.out" \
	    "$tmp/keep.out" >"$tmp/pids"
	awk 'NR == FNR { answered[$1] = 1; next }
	    { seen[$2] += ($1 in answered) }
	    END { for (g in seen) if (!seen[g]) print g }' \
	    "$tmp/pids" "$tmp/generations"
}

# restart_under_load BALANCE COMMAND
restart_under_load() {
	start_rota "command: $2
port: 0
count: 2
balance: $1
ready: { soak: 100ms }"
	port=$(rota_port)
	wait_for 30 ask 2 || not_ok "$1: answers"
	load_start new -c 8 --at-least "$each" \
	    --rate "$any_rate"
	load_start keep -c 8 --mode keep --at-least "$each" \
	    --rate "$any_rate"
	done=0
	while [ "$done" -lt "$rollouts" ] && rollout; do
		done=$((done + 1))
	done
	is "$1, $2: rollouts done" "$done" "$rollouts"
	load_stop new keep
	no_failures "$1, $2" new keep
	is "$1, $2: generations" \
	    "$(grep -o 'started, generation [0-9]*$' "$log" | sort -u |
		wc -l)" $((rollouts + 1))
	is "$1, $2: generations that never answered" \
	    "$(silent_generations)" ""
	total=$((total + $(load_value new ok) + $(load_value keep ok)))
	stop_rota
	is "$1, $2: rota ends well" "$?" 0
}

for balance in round-robin shared; do
	restart_under_load "$balance" "rota-http"
	restart_under_load "$balance" "rota-http --start-delay 300ms"
done
holds "requests in all: $total" test "$total" -ge $((each * 8))
done_testing
