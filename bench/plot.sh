#!/bin/sh
# What `make bench-plots` runs: draws what there is in a folder, with gnuplot.
# Of bench.json: latency.svg, percentiles by server, and cost.svg, CPU time of
# a request; of bench-workers.json: workers.svg, that by number of workers.
#
#	bench/plot.sh FOLDER
set -eu
folder=${1:?where the JSON files are and the plots go}
json=$folder/bench.json
numbers=$folder/bench-workers.json
if [ ! -e "$json" ] && [ ! -e "$numbers" ]; then
	echo "bench/plot.sh: there is neither $json nor $numbers" >&2
	exit 1
fi
tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
if ! command -v gnuplot >/dev/null; then
	echo "bench/plot.sh: gnuplot is needed" >&2
	exit 1
fi

# What an object consists of, without its names.
values() {
	sed 's/}.*//; s/[{"]//g; s/[a-z0-9_]*://g; s/,/ /g'
}

# The rows of one mode: server, mode, q1, rate, q3, workers, above, p50, p90,
# p99, p99.9, client, failed, as bench/figures.sh has written them.
rows() {			# rows MODE
	grep "\"mode\":\"$1\".*\"rate_q1\"" "$json" | values
}

percentiles() {			# percentiles MODE: blocks of "what us"
	rows "$1" | awk '{
		printf "%s\np50 %s\np90 %s\np99 %s\np99.9 %s\n\n\n", $1, $8,
		    $9, $10, $11
	}'
}

# Programs in Node and Python cost many times what others do: a row of their
# own.
slow="node|pm2|gunicorn"
draw_servers() {
	for mode in new keep; do
		percentiles "$mode" >"$tmp/$mode.percentiles"
		rows "$mode" | grep -Ev "$slow" >"$tmp/$mode.others" || :
		rows "$mode" | grep -E "$slow" >"$tmp/$mode.slow" || :
	done
	kinds=
	for kind in others slow; do
		if [ -s "$tmp/new.$kind" ]; then
			kinds="$kinds $kind"
		fi
	done
	gnuplot <<END
title(mode) = mode eq "new" ? "A new connection for each request" \
    : "Keep-alive"
set terminal svg size 1000,520 dynamic font "sans,12" background "white"
set output "$folder/latency.svg"
set multiplot layout 1,2
set key below
set logscale y
set format y "%.0f"
set ylabel "latency, us"
set xrange [-0.5:3.5]
set grid ytics
do for [mode in "new keep"] {
	file = "$tmp/".mode.".percentiles"
	set title title(mode)
	stats file using 0 nooutput
	plot for [i=0:STATS_blocks-1] file index i using 0:2:xtic(1) \
	    with linespoints title columnheader(1)
}
unset multiplot
set terminal svg size 1000,800 dynamic font "sans,12" background "white"
set output "$folder/cost.svg"
set multiplot layout 2,2
unset logscale
set autoscale x
set style data histograms
set style histogram rowstacked
set style fill solid 0.8
set boxwidth 0.7
set xtics rotate by -25
set ylabel "CPU time of a request, us"
set yrange [0:*]
do for [kind in "$kinds"] {
	do for [mode in "new keep"] {
		file = "$tmp/".mode.".".kind
		set title title(mode)
		plot file using 6:xtic(1) title "workers", \
		    file using 7 title "the process above them"
	}
}
unset multiplot
END
	echo "drawn: $folder/latency.svg $folder/cost.svg"
}

draw_numbers() {
	for kind in kernel hand-over bare; do
		grep "\"kind\":\"$kind\"" "$numbers" | values \
		    >"$tmp/$kind.numbers"
	done
	gnuplot <<END
set terminal svg size 700,520 dynamic font "sans,12" background "white"
set output "$folder/workers.svg"
set title "A new connection for each request"
set key below
set logscale x 2
set xlabel "workers"
set ylabel "CPU time of a request, us"
set yrange [0:*]
set grid ytics
plot for [kind in "kernel hand-over bare"] "$tmp/".kind.".numbers" \
    using 2:5:4:6 with yerrorlines title kind
END
	echo "drawn: $folder/workers.svg"
}

if [ -e "$json" ]; then
	draw_servers
fi
if [ -e "$numbers" ]; then
	draw_numbers
fi
