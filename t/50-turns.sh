#!/bin/sh
# budget: 120
# Turns are exact where connections are handed over: the numbers that the
# workers get differ by at most one.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
requests=$(by_scale 10000 1000)

# One after another, and many at a time; $1 workers.
count_turns() {
	for c in 1 64; do
		ask "$requests" -c "$c"
		is "$1 workers, $c at a time: all are answered" \
		    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" \
		    "$requests 0"
		is "$1 workers, $c at a time: each has its part" \
		    "$(value pids "$tmp/ask")" "$1"
		holds "$1 workers, $c at a time: turns differ by at most one" \
		    test "$(value pid_spread "$tmp/ask")" -le 1
	done
}

for workers in 2 3 8; do
	start_rota "command: rota-http
port: 0
count: $workers
balance: round-robin
mechanism: hand-over"
	port=$(rota_port)
	holds "$workers workers answer" wait_for 30 workers_answer "$workers"
	count_turns "$workers"
	stop_rota
	is "$workers workers: rota ends well" "$?" 0
done

# The cursor is kept: single requests, each by a client of its own.
start_rota "command: rota-http
port: 0
count: 3
mechanism: hand-over"
port=$(rota_port)
wait_for 30 workers_answer 3 || not_ok "3 workers answer"
for turn in 1 2 3 4 5 6 7 8 9; do
	ask 1 || diag "turn $turn: $(cat "$tmp/ask")"
	sed -n 's/^pid\.\([0-9]*\)=1/\1/p' "$tmp/ask" >>"$tmp/turns"
done
is "a worker's turn comes every third time" \
    "$(sort "$tmp/turns" | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" \
    "3 3 3 "
is "in the same order" \
    "$(sed -n '1,3p' "$tmp/turns")" "$(sed -n '7,9p' "$tmp/turns")"
stop_rota

done_testing
