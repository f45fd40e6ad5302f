# shellcheck shell=sh disable=SC2154
# How long a supervisor takes from kill -9 of a worker to the first statement
# of its successor: rota, and those of runit, s6 and supervisord that are
# installed, each with a dozen of t/stamp.
stamps='1 2 3 4 5 6 7 8 9 10 11 12'

stamp_folders() {		# stamp_folders FOLDER: a service in each
	for _i in $stamps; do
		mkdir -p "$1/$_i"
		ln -s "$top_builddir/t/stamp" "$1/$_i/run"
	done
}

# Without startsecs it would wait a second before it calls one running.
supervisord_config() {
	cat <<END
[supervisord]
nodaemon=true
user=$(id -un)
logfile=/dev/null
logfile_maxbytes=0
pidfile=$tmp/supervisord.pid
[program:stamp]
command=$top_builddir/t/stamp
process_name=%(process_num)d
numprocs=12
startsecs=0
autorestart=true
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
END
}

run_latency() {
	printf '%s\n' "command: $top_builddir/t/stamp" "dialect: rota" \
	    "count: 12" "backoff: { reset_after: 0 }" >"$tmp/latency.yaml"
	set -- rota "$top_builddir/rota" run "$tmp/latency.yaml"
	if has runsvdir; then
		stamp_folders "$tmp/runit"
		set -- "$@" -- runit runsvdir "$tmp/runit"
	else
		left_out runit "it is not installed"
	fi
	if has s6-svscan; then
		stamp_folders "$tmp/s6"
		set -- "$@" -- s6 s6-svscan "$tmp/s6"
	else
		left_out s6 "it is not installed"
	fi
	if has supervisord; then
		supervisord_config >"$tmp/supervisord.conf"
		set -- "$@" -- supervisord supervisord \
		    -c "$tmp/supervisord.conf"
	else
		left_out supervisord "it is not installed"
	fi
	"$top_builddir/t/latency" "$kills" 1100 "$@" >"$tmp/latency" ||
	    die "t/latency has failed"
}

print_latency() {
	printf '\n%s\n%-22s %9s %17s %9s %7s %7s\n' \
	    "From kill -9 of a worker to the first statement of the next" \
	    "" "median us" "quartiles" "max us" "kills" "/rota"
	sed 's/[.=]/ /' "$tmp/latency" | tr '=' ' ' | awk '
	{ v[$1 " " $2] = $3; if (!($1 in seen)) name[++n] = $1; seen[$1] }
	END {
		for (i = 1; i <= n; i++) {
			p = name[i]
			printf "%-22s %9.0f %8.0f-%8.0f %9.0f %7d %7.2f\n", p,
			    v[p " median_us"], v[p " q1_us"], v[p " q3_us"],
			    v[p " max_us"], v[p " kills"],
			    v[p " median_us"] / v["rota median_us"]
		}
	}'
}
