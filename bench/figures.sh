# shellcheck shell=sh disable=SC2154
# What the rounds of bench/run.sh come to: tables, and the same as JSON.

# Minimum, quartiles and maximum of what a server's results come to.
quartiles() {			# quartiles SERVER MODE AWK-EXPRESSION
	awk -v mode="$2" '$1 == mode { print '"$3"' }' "$tmp/$1.results" |
	    sort -n | awk '
	    { v[NR] = $1 }
	    function at(part,   x, i) {
		x = 1 + (NR - 1) * part
		i = int(x)
		if (i == NR)
			return v[i]
		return v[i] + (x - i) * (v[i + 1] - v[i])
	    }
	    END { print at(0), at(0.25), at(0.5), at(0.75), at(1) }'
}

failed_in_all() {		# failed_in_all SERVER MODE
	awk -v mode="$2" '$1 == mode { n += $9 } END { print n + 0 }' \
	    "$tmp/$1.results"
}

# server mode q1 median q3 workers-us above-us p50 p90 p99 p999 client-%
# failed
collect() {
	for mode in $modes; do
		for server in $order; do
			# shellcheck disable=SC2046 # five words
			set -- $(quartiles "$server" "$mode" '$2')
			printf '%s' "$server $mode $2 $3 $4"
			for _column in 3 4 5 6 7 8 10; do
				printf ' %s' "$(quartiles "$server" "$mode" \
				    "\$$_column" | cut -d ' ' -f 3)"
			done
			echo " $(failed_in_all "$server" "$mode")"
		done
	done
}

print_table() {
	awk '
	NR == FNR { if ($1 == "nginx") nginx[$2] = $4; next }
	$2 != mode {
		mode = $2
		title = "Keep-alive"
		if (mode == "new")
			title = "A new connection for each request"
		printf "\n%s\n%-22s %9s %17s %7s %7s %7s %7s %8s %6s %7s\n",
		    title, "", "req/s", "quartiles", "/nginx", "us/req",
		    "above", "p50 us", "p99 us", "failed", "client"
	}
	{
		ratio = "-"
		if (nginx[mode])
			ratio = sprintf("%.2f", $4 / nginx[mode])
		printf "%-22s %9.0f %8.0f-%8.0f %7s ", $1, $4, $3, $5, ratio
		printf "%7.1f %7.1f %7.0f %8.0f ", $6, $7, $8, $10
		printf "%6d %6d%%\n", $13, $12
	}' "$tmp/table" "$tmp/table"
	cat <<END

us/req: CPU time of the workers for a request; above: that of the process
above them (rota, nginx's master, Node's primary, PM2, gunicorn's arbiter); an
arbiter below rota counts as its worker.  client: CPU of the two rota-load
processes that ask, which share the machine with the server; at 200% they are
what limits.
END
}

# --- round by round -----------------------------------------------------------
# Geometric mean of the ratios of the rounds, and where it lies with a
# probability of 95 %: by Student's t, whose quantile for N rounds is about
# 1.96 + 2.8 / (N - 1), a little too large.
ratio() {			# ratio SERVER OTHER MODE AWK-EXPRESSION
	awk -v mode="$3" '
	$1 != mode { next }
	NR == FNR { one[++n] = '"$4"'; next }
	{ other[++m] = '"$4"' }
	END {
		for (i = 1; i <= n; i++) {
			if (one[i] <= 0 || other[i] <= 0)
				exit
			x = log(one[i] / other[i])
			sum += x
			squares += x * x
		}
		if (n < 2)
			exit
		mean = sum / n
		deviation = (squares - n * mean * mean) / (n - 1)
		if (deviation < 0)
			deviation = 0
		far = (1.96 + 2.8 / (n - 1)) * sqrt(deviation / n)
		printf "%.3f %.3f %.3f\n", exp(mean), exp(mean - far),
		    exp(mean + far)
	}' "$tmp/$1.results" "$tmp/$2.results"
}

# Who is compared with whom: server other.
pairs='rota-round-robin bare
rota-least-connections bare
rota-hand-over bare
rota-shared bare
rota-round-robin bare-reuseport
bare-reuseport bare
rota-round-robin nginx
rota-node node-cluster
rota-node-hand-over node-cluster
pm2 node-cluster
rota-node pm2
rota-gunicorn gunicorn'

takes_part() {			# takes_part SERVER
	case " $order " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# server other mode, then thrice ratio low high: rate, all CPU for a request,
# CPU of what is above the workers (0 where that is nothing).
compare() {
	echo "$pairs" | while read -r server other; do
		if ! takes_part "$server" || ! takes_part "$other"; then
			continue
		fi
		for mode in $modes; do
			_above=$(ratio "$server" "$other" "$mode" '$4')
			echo "$server $other $mode" \
			    "$(ratio "$server" "$other" "$mode" '$2')" \
			    "$(ratio "$server" "$other" "$mode" '($3 + $4)')" \
			    "${_above:-0 0 0}"
		done
	done
}

print_pairs() {
	printf '\n%s\n%-42s %-5s %7s %13s %7s %13s\n' \
	    "Round by round, with confidence intervals of 95 %" "" "" \
	    "req/s" "" "CPU/req" ""
	awk '{
		printf "%-42s %-5s %7.3f %6.3f-%6.3f %7.3f %6.3f-%6.3f\n",
		    $1 " / " $2, $3, $4, $5, $6, $7, $8, $9
	}' "$tmp/pairs"
}

# Resident memory of what is above the workers.
print_above() {
	printf '\n%s\n' "Resident memory of the process above the workers"
	for server in $order; do
		[ "$server" = alone ] && continue
		printf '%-22s %9s kB\n' "$server" "$(sed -n \
		    's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' \
		    "/proc/$(cat "$tmp/$server.pid")/status")"
	done >"$tmp/above"
	cat "$tmp/above"
}

# --- JSON ---------------------------------------------------------------------
# Lines of a file as objects with these names; words, then numbers.
json_rows() {			# json_rows FILE WORDS NAME...
	_file=$1
	_words=$2
	shift 2
	awk -v words="$_words" -v names="$*" '
	BEGIN { n = split(names, name, " ") }
	{
		printf "%s\n{", (NR > 1 ? "," : "")
		for (i = 1; i <= n; i++) {
			quote = i <= words ? "\"" : ""
			printf "%s\"%s\":%s%s%s", (i > 1 ? "," : ""), name[i],
			    quote, $i, quote
		}
		printf "}"
	}' "$_file"
}

print_json() {
	printf '{"rounds":%s,"round_time":"%s","clients":%s,"workers":%s,' \
	    "$rounds" "$round_time" "$clients" "$workers"
	printf '"cpus":%s,"kernel":"%s",\n"throughput":[' "$(nproc)" \
	    "$(uname -r)"
	json_rows "$tmp/table" 2 server mode rate_q1 rate rate_q3 \
	    worker_cpu_us above_cpu_us p50_us p90_us p99_us p999_us \
	    client_cpu_percent failed
	printf '],\n"pairs":['
	json_rows "$tmp/pairs" 3 server other mode rate rate_low rate_high \
	    cpu cpu_low cpu_high above above_low above_high
	printf '],\n"memory":['
	json_rows "$tmp/above" 1 server rss_kb
	printf '],\n"kill_to_restart":{'
	awk -F '=' 'NR > 1 { printf "," } { printf "\"%s\":%s", $1, $2 }' \
	    "$tmp/latency"
	printf '},\n"left_out":['
	awk '
	NR > 1 { printf "," }
	{
		name = $1
		sub(/^[^ ]* /, "")
		printf "{\"server\":\"%s\",\"reason\":\"%s\"}", name, $0
	}' "$tmp/left_out"
	printf ']}\n'
}
