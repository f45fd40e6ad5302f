#!/bin/sh
# What `make bench` runs: rota-http under rota, with no supervisor and alone,
# nginx, Node's cluster, PM2 and gunicorn, and the same programs under rota,
# side by side in alternating rounds, with new connections and with keep-alive;
# then the time from kill -9 to the successor, beside other supervisors.
#
#	bench/run.sh JSON-FILE
#
#	ROTA_BENCH_ROUNDS=9	rounds, of which the median is shown
#	ROTA_BENCH_TIME=1s	length of a round for each server
#	ROTA_BENCH_CLIENTS=32	connections at a time, of two clients
#	ROTA_BENCH_WORKERS=2	worker processes of each server
#	ROTA_BENCH_KILLS=60	workers killed under each supervisor, 0: none
#	ROTA_BENCH_SERVERS='round-robin least-connections hand-over shared
#	    bare bare-reuseport alone nginx node rota-node
#	    rota-node-hand-over pm2 gunicorn rota-gunicorn'
#	ROTA_BENCH_PM2=pm2	the program, if it is not in the PATH
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
json=${1:?the file to write}
rounds=${ROTA_BENCH_ROUNDS:-9}
round_time=${ROTA_BENCH_TIME:-1s}
clients=${ROTA_BENCH_CLIENTS:-32}
workers=${ROTA_BENCH_WORKERS:-2}
kills=${ROTA_BENCH_KILLS:-60}
servers=
modes='new keep'

die() {
	echo "bench: $*" >&2
	exit 1
}

has() {
	command -v "$1" >"$tmp/which" 2>&1
}

# shellcheck source=bench/servers.sh
. "$top_srcdir/bench/servers.sh"
# shellcheck source=bench/peers.sh
. "$top_srcdir/bench/peers.sh"
# shellcheck source=bench/rounds.sh
. "$top_srcdir/bench/rounds.sh"
# shellcheck source=bench/figures.sh
. "$top_srcdir/bench/figures.sh"
# shellcheck source=bench/restarts.sh
. "$top_srcdir/bench/restarts.sh"

: >"$tmp/left_out"
: >"$tmp/latency"
for server in ${ROTA_BENCH_SERVERS:-round-robin least-connections hand-over \
    shared bare bare-reuseport alone nginx node rota-node \
    rota-node-hand-over pm2 gunicorn rota-gunicorn}; do
	start_server "$server"
done
order=$servers
printf '%s\n' "$(uname -sr), $(nproc) CPUs; $rounds rounds of $round_time, \
$clients connections at a time, $workers workers (alone: 1 process)"
run_rounds
collect >"$tmp/table"
print_table
compare >"$tmp/pairs"
print_pairs
print_above
if [ "$kills" -gt 0 ]; then
	run_latency
	print_latency
fi
print_json >"$json"
echo
echo "written to $json"
