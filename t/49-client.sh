#!/bin/sh
# rota-load counts everything that is not one whole, right answer.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
load=$top_builddir/t/rota-load

start "$tmp/port" "$top_builddir/t/faulty"
wait_for 10 test -s "$tmp/port" || bail_out "t/faulty does not start"
port=$(cat "$tmp/port")

# asks PATH KIND [OPTION...]: 5 requests, each of which fails as KIND.
# KIND "ok": none fails.
asks() {
	_path=$1 _kind=$2
	shift 2
	"$load" --port "$port" --path "$_path" -n 5 --timeout 10s "$@" \
	    >"$tmp/out" 2>&1
	_status=$?
	if [ "$_kind" = ok ]; then
		is "$_path $*: all right" \
		    "$_status $(value ok) $(value failed)" "0 5 0"
	else
		is "$_path $*: each is counted as $_kind" \
		    "$_status $(value ok) $(value "failed_$_kind")" "1 0 5"
	fi
}

value() {			# value KEY [FILE]
	sed -n "s/^$1=//p" "${2:-$tmp/out}"
}

asks /right ok
is "the pid of the answers" "$(value pid.4711)" 5
is "the value of the answers" "$(value value.7)" 5
is "a connection for each request" "$(value connections)" 5
asks /right ok --mode keep
is "one connection for all" "$(value connections)" 1
asks /right ok --mode keep --per-connection 2
is "two requests for each connection" "$(value connections)" 3
asks /right ok -c 3
asks /right ok --rate 100

asks /status bad_answer
asks /body bad_answer
asks /no-value bad_answer
asks /too-short bad_answer
asks /chunked bad_answer
asks /no-length bad_answer
asks /two-lengths bad_answer
asks /garbage bad_answer
asks /unannounced bad_answer
asks /truncated early_eof
asks /head-only early_eof
asks /empty early_eof
asks /extra extra_data
asks /reset reset
asks /reset-half reset
asks /reset-after reset
asks /silent timeout --timeout 20ms
asks /stall timeout --timeout 20ms
asks /no-end no_end --timeout 20ms

# The end of an idle connection is no failure, that of a request is.
asks /unannounced ok --mode keep --think 20ms
like "closed while idle" "$(value connections) $(value idle_ends)" '^5 [45]$'
"$load" --port "$port" --path /third-eof --mode keep -n 9 >"$tmp/out"
is "a reused connection is closed instead of answered" \
    "$(value ok) $(value failed_reused_eof)" "6 3"
"$load" --port "$port" --path /third-reset --mode keep -n 9 >"$tmp/out"
is "a reused connection is reset instead of answered" \
    "$(value ok) $(value failed_reused_eof)" "6 3"
"$load" --port "$port" --path /third-half --mode keep -n 9 \
    --failures "$tmp/failures" --answers "$tmp/answers" >"$tmp/out"
is "a reused connection is closed within an answer" \
    "$(value ok) $(value failed_early_eof)" "6 3"
is "a line for each failure" "$(wc -l <"$tmp/failures")" 3
like "port, time, kind and bytes of a failure" \
    "$(head -n 1 "$tmp/failures")" '^[1-9][0-9]* [0-9]+ early_eof [0-9]+ '
like "time, port, pid and value of an answer" \
    "$(head -n 1 "$tmp/answers")" '^[0-9]+ [1-9][0-9]* 4711 7$'

"$load" --port "$port" --path /silent -n 5 --timeout 10ms \
    --max-failures 2 >"$tmp/out"
is "ends after so many failures" "$(value failed)" 2

# How a run ends: by time, by a file, by a signal; what has begun is done.
holds "ends by time" "$load" --port "$port" --path /right --duration 50ms
: >"$tmp/stop"
"$load" --port "$port" --path /right --stop-file "$tmp/stop" >"$tmp/out"
is "ends by a file" "$? $(value requests)" "0 0"
start "$tmp/out" "$load" --port "$port" --path /right --mode keep \
    --failures "$tmp/begun"
wait_for 10 test -e "$tmp/begun"
kill -TERM "$started_pid"
reap 10 "$started_pid"
is "ends by a signal" "$? $(value failed)" "0 0"

kill_started KILL
wait_for 10 none_left
asks /right refused
done_testing
