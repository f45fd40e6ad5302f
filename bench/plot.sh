#!/bin/sh
# What `make bench-plots` runs: draws what make bench has written, with
# gnuplot: latency.svg, percentiles by server, and cost.svg, CPU time of a
# request.
#
#	bench/plot.sh JSON-FILE FOLDER
set -eu
json=${1:?the file that make bench has written}
folder=${2:?where the plots go}
tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
if ! command -v gnuplot >/dev/null; then
	echo "bench/plot.sh: gnuplot is needed" >&2
	exit 1
fi

# The rows of one mode: server, mode, q1, rate, q3, workers, above, p50, p90,
# p99, p99.9, client, failed, as bench/figures.sh has written them.
rows() {			# rows MODE
	grep "\"mode\":\"$1\".*\"rate_q1\"" "$json" |
	    sed 's/}.*//; s/[{"]//g; s/[a-z0-9_]*://g; s/,/ /g'
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
for mode in new keep; do
	percentiles "$mode" >"$tmp/$mode.percentiles"
	rows "$mode" | grep -Ev "$slow" >"$tmp/$mode.others" || :
	rows "$mode" | grep -E "$slow" >"$tmp/$mode.slow" || :
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
do for [kind in "others slow"] {
	do for [mode in "new keep"] {
		file = "$tmp/".mode.".".kind
		set title title(mode)
		stats file using 6 nooutput
		if (STATS_records > 0) {
			plot file using 6:xtic(1) title "workers", \
			    file using 7 title "the process above them"
		}
	}
}
unset multiplot
END
echo "drawn: $folder/latency.svg $folder/cost.svg"
