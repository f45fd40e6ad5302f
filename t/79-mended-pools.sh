#!/bin/sh
# budget: 180
# More defects that were found and mended: descriptors that run short, what
# is queued behind a change, pools that have ended, and what refusals say.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"
# shellcheck source=t/control.sh
. "$top_srcdir/t/control.sh"

write_config() {		# from standard input
	cat >"$tmp/config.new" && mv -f "$tmp/config.new" "$rota_config"
}

# A pool of workers that do nothing: three lines of a list, or of a file.
idle() {			# idle NAME COUNT COMMAND [DELAY [BATCH]]
	echo "{ name: $1, count: $2, command: $3, dialect: plain," \
	    "ready: { delay: ${4:-50ms}, soak: 50ms }," \
	    "reload: { batch: ${5:-1} } }"
}

pools() {			# pools POOL...
	echo "pools:"
	printf -- '- %s\n' "$@"
}

run_pools() {			# run_pools POOL...
	start_rota "$(pools "$@")"
}

ends_well() {
	stop_rota
	is "$case: rota ends well" "$?" 0
	ROTA_WRAP=$wrap
}

# --- few descriptors ----------------------------------------------------------
wrap=${ROTA_WRAP:-}
cat >"$tmp/few" <<'END'
#!/bin/sh
ulimit -Sn "$1" && ulimit -Hn "$1" && shift && exec "$@"
END
case=few
ROTA_WRAP="sh $tmp/few 195 $wrap"
run_pools "$(idle web 2 "sleep 1000" 50ms all)"
holds "$case: it is up" wait_for 20 all_are ready 2 web
rota scale web 500
like "$case: too many are refused" "$(said)" \
    "^1 .*pool 'web': no descriptors or processes for 500 workers, at most "
most=$(sed -n 's/.*at most \([0-9]*\) .*/\1/p' "$tmp/err")
is "$case: nobody is started" "$(states_of web)" "ready ready"
rota scale web "$most"
is "$case: as many as there may be" "$(said)" "0 web: count 2 -> $most"
rota scale web +1
is "$case: and not one more" "$status" 1
command_start reload reload web
command_end reload
is "$case: they are replaced in smaller steps" "$?" 0
holds "$case: all of them" all_are ready "$most" web
is "$case: all of them are new" "$(generations_of web)" 2
ends_well

case="few, fewer workers"
ROTA_WRAP="sh $tmp/few 198 $wrap"
run_pools "$(idle a 20 "sleep 1000")" "$(idle b 1 "sleep 1000")"
holds "$case: it is up" wait_for 20 all_are ready 20 a
pools "$(idle a 2 "sleep 1001")" "$(idle b 1 "sleep 1000")" | write_config
command_start apply apply
command_end apply
is "$case: another command, and a lower count" "$?" 0
holds "$case: it is done" wait_for 20 all_are ready 2 a
last=$(pids_of a | tail -n 1)
kill -KILL "$last"
holds "$case: a worker is restarted" wait_for 20 all_are ready 2 a
ends_well

# --- what waits for a change --------------------------------------------------
case=queued
run_pools "$(idle web 1 "sleep 1000")"
holds "$case: it is up" wait_for 20 all_are ready 1 web
rota restart web:0
is "$case: restart of a slot" "$(said)" "0 web:0 is restarted"
is "$case: it keeps its generation" "$(generations_of web)" 1
pools "$(idle web 4 "sleep 1001" 1s)" | write_config
command_start apply apply
holds "$case: apply is under way" wait_for 20 state_has '"kind":"apply"'
rota stop web
is "$case: stop waits for apply" "$status $(cat "$tmp/out" "$tmp/err" |
    grep -v waiting)" "0 web: 4 slots are stopped"
command_end apply
is "$case: apply has succeeded" "$?" 0
holds "$case: all are stopped" all_are stopped 4 web
ends_well

case="removed meanwhile"
run_pools "$(idle a 1 "sleep 1000")" "$(idle b 1 "sleep 1000" 1s)"
holds "$case: it is up" wait_for 20 all_are ready 1 b
rota reload b --no-wait
pools "$(idle b 1 "sleep 1000" 1s)" | write_config
rota apply --no-wait
is "$case: apply waits" "$status" 0
rota reload a
is "$case: a reload of what is gone by then" "$status" 1
like "$case: and why" "$(said)" "pool 'a'.*(removed|gone)|no pool 'a'"
ends_well

# --- pools that have ended ----------------------------------------------------
printf '#!/bin/sh\necho "$ROTA_SLOT" >>"%s"\n' "$tmp/ran" >"$tmp/once"
printf '#!/bin/sh\nexit 3\n' >"$tmp/bad"
chmod 755 "$tmp/once" "$tmp/bad"
ran() {				# ran SLOTS: sorted
	[ "$(sort "$tmp/ran" | tr '\n' ' ')" = "$1 " ]
}
case=ended
run_pools "$(idle jobs 2 "$tmp/once")" "$(idle web 1 "sleep 1000")"
holds "$case: two have run" wait_for 20 all_are ended 2 jobs
pools "$(idle jobs 4 "$tmp/once")" "$(idle web 1 "sleep 1000")" | write_config
rota plan
like "$case: plan says that more are started" "$(said)" \
    '^0 jobs: count: 2 -> 4; starts slots 2 to 3'
cp "$tmp/out" "$tmp/plan"
rota apply
is "$case: apply says the same" "$(said)" "0 $(cat "$tmp/plan")"
holds "$case: the new ones have run, once" wait_for 20 ran "0 1 2 3"
holds "$case: all have ended" wait_for 20 all_are ended 4 jobs
rota plan
is "$case: nothing is left to do" "$(said)" "0 nothing would change"
pools "$(idle jobs 4 "$tmp/bad")" "$(idle web 1 "sleep 1000")" | write_config
rota apply
is "$case: a bad command" "$status" 1
holds "$case: they are as they were" wait_for 20 all_are ended 4 jobs
ends_well

# --- what is started is not what is removed --------------------------------
case="stopped slots"
some() {			# some COUNT
	printf '%s\n' "name: web" "count: $1" "dialect: plain" \
	    "command: $tmp/two" \
	    "ready: { delay: 50ms, soak: 50ms }"
}
cat >"$tmp/two" <<END
#!/bin/sh
[ "\$ROTA_SLOT" -lt 2 ] || [ -e "$tmp/good" ] || exit 3
exec sleep 1000
END
chmod 755 "$tmp/two"
: >"$tmp/good"
start_rota "$(some 4)"
holds "$case: they are up" wait_for 20 all_are ready 4 web
rota stop web:1
rota stop web:3
rm "$tmp/good"
some 2 | write_config
rota apply
is "$case: apply starts none that it removes" "$status" 0
like "$case: and says so" "$(said)" 'starts 1 slot that was stopped'
holds "$case: two are left" wait_for 20 all_are ready 2 web
ends_well

# --- refusals ---------------------------------------------------------------
case=refusals
: >"$tmp/vars"
start_rota "$(pools "$(idle web 1 "sleep 1000" | sed 's/}$//'), \
env_file: $tmp/vars }" "$(idle b 1 "sleep 1000")")"
rm "$tmp/vars"
holds "$case: it is up" wait_for 20 all_are ready 1 b
rota reload
like "$case: the pool is named" "$(said)" "^1 .*web.*$tmp/vars"
ends_well
case="another address"
port=$(free_port 1)
served() {			# served KEY VALUE
	printf '%s\n' "name: web" "count: 1" "$1: $2" \
	    "command: $top_builddir/rota-http" "ready: { soak: 50ms }"
}
start_rota "$(served port "$port")"
holds "$case: it is up" wait_for 20 all_are ready 1 web
served listen "127.0.0.1:$port" | write_config
rota apply
is "$case: it is refused" "$status" 1
like "$case: and who has it" "$(said)" 'running config'
ask 3 --timeout 5s
is "$case: it serves on" "$(value failed "$tmp/ask")" 0
ends_well
done_testing
