#!/bin/sh
# rota-http alone under load, and its switches against its manual.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

# --- the manual names every switch, and no other ---------------------------
sed -n 's/^	{ "\(--[a-z-]*\)".*/\1/p' "$top_srcdir/src/http/options.c" |
    { cat; echo --version; } | sort >"$tmp/switches"
sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p' "$top_srcdir/man/rota-http.1" |
    sort >"$tmp/described"
holds "there are switches" test "$(wc -l <"$tmp/switches")" -gt 20
is "the manual has them all" "$(cat "$tmp/described")" "$(cat "$tmp/switches")"

# --- load ------------------------------------------------------------------
start "$tmp/http.out" "$top_builddir/rota-http" --listen 127.0.0.1:0
http=$started_pid
wait_for 10 grep -q listening "$tmp/http.out" || bail_out "it does not start"
port=$(sed -n 's/.*://p' "$tmp/http.out")
n=$(by_scale 10000 1000)
for mode in new keep; do
	ask "$n" -c 32 --mode "$mode"
	is "$mode: $n requests, $(value failed "$tmp/ask") failed" \
	    "$? $(value ok "$tmp/ask")" "0 $n"
	is "$mode: all by one process" "$(answered)" "$http"
done

# What has been begun when it is told to leave is finished: only new
# connections are refused then.
load_start drain -c 16 --mode keep --duration 30s --max-failures 100
wait_for 10 test -d "/proc/$http"
sleep 0.3
kill -TERM "$http"
reap 10 "$http"
is "it leaves with status 0" "$?" 0
load_stop drain
holds "it was under load" test "$(load_value drain ok)" -gt 100
for kind in reset early_eof timeout bad_answer extra_data; do
	is "told to leave under load: no $kind" \
	    "$(load_value drain "failed_$kind")" 0
done
done_testing
