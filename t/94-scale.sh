#!/bin/sh
# budget: 120
# Many workers where descriptors and processes are few: as many as there is
# room for start without a failure and stop without a leftover, and more are
# refused before anything is started.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
fds=$(by_scale 1500 500)	# of the supervisor, in all

config() {			# config COUNT
	cat >"$tmp/rota.yaml" <<END
name: many
command: $top_builddir/t/mite
listen: ["127.0.0.1:0"]
count: $1
ready: { soak: 0, timeout: 60s }
stop: { timeout: 60s }
reload: { batch: 1 }
END
	rota_config=$tmp/rota.yaml
}

# Runs into its refusal: $said is what it said, $status how it ended.
refuse() {			# refuse [COMMAND...]
	start "$tmp/said" "$@" "$top_builddir/rota" run "$rota_config"
	reap 30 "$started_pid"
	status=$?
	said=$(cat "$tmp/said")
}

if ! command -v prlimit >"$tmp/which"; then
	skip_all "prlimit is not installed"
fi

# --- descriptors ---------------------
config 5000
refuse prlimit --nofile="$fds:$fds"
is "too many for the descriptors are refused" "$status" 1
like "in one line that says how many there are" "$said" \
    "^rota: error: pool 'many': count 5000: all .*, and the limit is $fds "
is "and in no other" "$(echo "$said" | wc -l)" 1

# As many as it says: what all need is a sum over the workers.
need=$(echo "$said" | sed 's/.* need \([0-9]*\) descriptors.*/\1/')
config 4900
refuse prlimit --nofile="$fds:$fds"
less=$(echo "$said" | sed 's/.* need \([0-9]*\) descriptors.*/\1/')
each=$(((need - less) / 100))
most=$((5000 - (need - fds + each - 1) / each))
config $((most + 1))
refuse prlimit --nofile="$fds:$fds"
is "one more than fit is refused" "$status" 1

config "$most"
ROTA_WRAP="prlimit --nofile=$fds:$fds ${ROTA_WRAP:-}"
run_rota
holds "$most, as many as fit, get ready" wait_for 60 all_ready "$most"
children_of "$rota_pid" >"$tmp/workers"
is "they are all there" "$(wc -l <"$tmp/workers")" "$most"
"$top_builddir/t/call" "$ROTA_RUNTIME_DIR/rota.sock" 1 \
    '{"id":1,"command":"broadcast","args":{"json":"1"}}' >"$tmp/call" 2>&1
like "a broadcast reaches all of them" "$(cat "$tmp/call")" \
    "\"sent\": *$most,"
head -n 40 "$tmp/workers" | while read -r pid; do
	kill -KILL "$pid"
done
is_replaced() {
	children_of "$rota_pid" >"$tmp/workers"
	[ "$(wc -l <"$tmp/workers")" -eq "$most" ] &&
	    log_has 40 ': ended|signal 9 .*; restarting'
}
holds "those that are killed come back" wait_for 60 is_replaced
stop_rota
is "it ends well" "$?" 0
# shellcheck disable=SC2046 # pids are words
holds "nobody is left" all_gone $(cat "$tmp/workers")
is "no start has failed" "$(log_count 'cannot start')" 0
ROTA_WRAP=${ROTA_WRAP#prlimit * }

# --- processes ---------------------
# A limit of the user does not hold for root.
as_nobody=
if [ "$(id -u)" -eq 0 ]; then
	as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	as_nobody="$as_nobody --bounding-set=-all"
	chmod 755 "$tmp"
fi
config 300
if [ -n "$as_nobody" ] && ! command -v setpriv >"$tmp/which"; then
	skip "processes of the user" "setpriv is not installed"
else
	# shellcheck disable=SC2086 # a command with its options
	refuse $as_nobody prlimit --nproc=200:200
	is "too many for the processes of a user are refused" "$status" 1
	like "it says which limit that is" "$said" \
	    "many': count 300: .* processes, .*: user [0-9]+ may have 200 "
fi

# Of a control group, by whichever version has that controller.
group=
for dir in /sys/fs/cgroup/pids /sys/fs/cgroup; do
	if mkdir "$dir/rota-test.$$" 2>"$tmp/err"; then
		group=$dir/rota-test.$$
		[ -w "$group/pids.max" ] && break
		rmdir "$group"
		group=
	fi
done
if [ -z "$group" ]; then
	skip "processes of a control group" "there can be none here"
else
	echo 250 >"$group/pids.max"
	refuse sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - \
	    "$group"
	is "too many for the control group are refused" "$status" 1
	like "it says which group that is" "$said" \
	    "many': count 300: .* the control group /.*rota-test.* 250 "
	wait_for 10 rmdir "$group"
fi
done_testing
