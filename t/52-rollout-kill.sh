#!/bin/sh
# budget: 120
# Workers are killed while others are being replaced: only requests that the
# killed ones had already taken may fail.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
rollouts=$(by_scale 3 1)
enough=$((rollouts * 2))	# kills; more rollouts if a machine is slow

# The workers that have a slot and beside which none is being started, as
# the log tells it.
victims='
!match($0, /rota-http\[[0-9]+\]/) { next }
{ slot = substr($0, RSTART, RLENGTH) }
/ pid [0-9]+: / { pid = $0; sub(/.* pid /, "", pid); sub(/:.*/, "", pid) }
/: started, generation/ {
	if (slot in holder)
		beside[slot] = pid
	else
		holder[slot] = pid
}
/: takes the slot/ { holder[slot] = pid; delete beside[slot] }
/; restarting (now|in)/ {
	if (holder[slot] == pid)
		delete holder[slot]
}
END {
	for (s in holder)
		if (!(s in beside))
			print holder[s]
}'

# One that has taken connections, another slot each time.
kill_one() {
	awk "$victims" "$log" | sort >"$tmp/candidates"
	_count=$(wc -l <"$tmp/candidates")
	if [ "$_count" -eq 0 ]; then
		return 1
	fi
	kills=$((kills + 1))
	_pid=$(sed -n "$((kills % _count + 1))p" "$tmp/candidates")
	kill -KILL "$_pid" && echo "$_pid" >>"$tmp/killed"
}

is_rolled_out() {
	log_has $((done + 1)) 'is rolled out' ||
	    log_has 1 'rollout of generation .* failed'
}

: >"$tmp/journal"
: >"$tmp/killed"
start_rota "command: rota-http --journal $tmp/journal
port: 0
count: 4
balance: round-robin
backoff: { initial: 0 }
ready: { soak: 1s }"
port=$(rota_port)
holds "4 workers answer" wait_for 30 workers_answer 4
load_start new -c 8 --rate "$any_rate"
load_start keep -c 8 --mode keep --rate "$any_rate"
kills=0
done=0
while [ "$done" -lt "$rollouts" ] ||
    { [ "$kills" -lt "$enough" ] && [ "$done" -lt $((rollouts * 4)) ]; }; do
	kill -USR2 "$rota_pid"
	last=$(date +%s)
	while ! is_rolled_out; do
		now=$(date +%s)
		if [ "$now" -gt "$last" ] && kill_one; then
			last=$now
		fi
		sleep 0.1	# the pace, nothing is waited for
	done
	if log_has 1 'rollout of generation .* failed'; then
		break
	fi
	done=$((done + 1))
done
load_stop new keep
holds "rollouts done: $done" test "$done" -ge "$rollouts"
holds "killed workers: $(wc -l <"$tmp/killed")" \
    test "$(wc -l <"$tmp/killed")" -ge "$enough"
cat "$tmp/new.failures" "$tmp/keep.failures" >"$tmp/failures"
is "failed otherwise than by a worker's end" \
    "$(awk '$3 !~ /^(reset|early_eof|reused_eof)$/' "$tmp/failures")" ""
not_noted "$tmp/failures" >"$tmp/not_noted"
holds "begun by no killed worker that we know: $(wc -l <"$tmp/not_noted")" \
    test "$(wc -l <"$tmp/not_noted")" -le "$(wc -l <"$tmp/killed")"
failed=$(($(load_value new failed) + $(load_value keep failed)))
holds "failed: $failed, at most what the killed ones could have begun" \
    test "$failed" -le $((16 * $(wc -l <"$tmp/killed")))
holds "requests answered: $(load_value new ok), $(load_value keep ok)" \
    test "$(load_value new ok)" -gt 100 -a "$(load_value keep ok)" -gt 100
holds "4 workers answer afterwards" wait_for 30 workers_answer 4
stop_rota
is "rota ends well" "$?" 0
done_testing
