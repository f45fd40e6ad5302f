#!/bin/sh
# What `make bench-workers` runs: the CPU time of a request by the number of
# workers, of rota-http below rota, by turns of the kernel and by hand-over,
# and with no supervisor, on one listener that all share; all at once, in
# alternating rounds, with a new connection for each request.
#
#	bench/workers.sh JSON-FILE
#
#	ROTA_BENCH_ROUNDS=9	rounds, of which the median is shown
#	ROTA_BENCH_TIME=1s	length of a round for each server
#	ROTA_BENCH_CLIENTS=32	connections at a time, of two clients
#	ROTA_BENCH_NUMBERS='1 2 4 8 16 32'
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
json=${1:?the file to write}
rounds=${ROTA_BENCH_ROUNDS:-9}
round_time=${ROTA_BENCH_TIME:-1s}
clients=${ROTA_BENCH_CLIENTS:-32}
numbers=${ROTA_BENCH_NUMBERS:-1 2 4 8 16 32}
servers=
modes=new

die() {
	echo "bench: $*" >&2
	exit 1
}

# shellcheck source=bench/servers.sh
. "$top_srcdir/bench/servers.sh"
# shellcheck source=bench/rounds.sh
. "$top_srcdir/bench/rounds.sh"
# shellcheck source=bench/figures.sh
. "$top_srcdir/bench/figures.sh"

# kind workers rate, quartiles of CPU time, and ratio to bare low high
collect_numbers() {
	for _kind in kernel hand-over bare; do
		for workers in $numbers; do
			_name=$_kind-$workers
			takes_part "$_name" || continue
			echo "$_kind $workers" \
			    "$(quartiles "$_name" new '$2' |
				cut -d ' ' -f 3)" \
			    "$(quartiles "$_name" new '($3 + $4)' |
				cut -d ' ' -f 2-4)" \
			    "$(ratio "$_name" "bare-$workers" new \
				'($3 + $4)')"
		done
	done
}

print_numbers() {
	printf '\n%-10s %8s %9s %8s %15s %8s %13s\n' "" workers req/s us/req \
	    quartiles /bare ""
	awk '{
		printf "%-10s %8d %9.0f %8.1f %7.1f-%7.1f %8.3f %6.3f-%6.3f\n",
		    $1, $2, $3, $5, $4, $6, $7, $8, $9
	}' "$tmp/numbers"
	cat <<END

us/req: CPU time of a request, of the workers and of rota; /bare: its ratio to
that of as many workers on one listener without a supervisor, round by round,
with a confidence interval of 95 %.
END
}

find_python || die "python3 is needed for workers without a supervisor"
for workers in $numbers; do
	start_under_rota "kernel-$workers" "command: rota-http" \
	    "mechanism: kernel"
	start_under_rota "hand-over-$workers" "command: rota-http" \
	    "mechanism: hand-over"
	start_without_supervisor "bare-$workers" 1
done
order=$servers
echo "$(uname -sr), $(nproc) CPUs; $rounds rounds of $round_time, $clients \
connections at a time"
run_rounds
collect_numbers >"$tmp/numbers"
print_numbers
{
	printf '{"rounds":%s,"round_time":"%s","clients":%s,"cpus":%s,' \
	    "$rounds" "$round_time" "$clients" "$(nproc)"
	printf '"kernel":"%s",\n"numbers":[' "$(uname -r)"
	json_rows "$tmp/numbers" 1 kind workers rate cpu_us_q1 cpu_us \
	    cpu_us_q3 cpu_to_bare cpu_to_bare_low cpu_to_bare_high
	printf ']}\n'
} >"$json"
echo
echo "written to $json"
