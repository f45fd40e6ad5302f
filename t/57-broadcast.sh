#!/bin/sh
# budget: 90
# Every worker gets what is broadcast, from each kind of source; what fails
# or hangs leaves the last value; a new worker gets the last value at once.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

# Three workers with this broadcast.
broadcast() {			# broadcast YAML-MAP
	start_rota "command: rota-http
port: 0
count: 3
backoff: { initial: 0 }
broadcast: $1"
	port=$(rota_port)
	holds "3 workers answer" wait_for 30 workers_answer 3
}

# All three answer, and all with this value.
all_have() {			# all_have VALUE
	workers_answer 3 && [ "$(value "value\.$1" "$tmp/ask")" = 9 ]
}

values_seen() {			# values_seen COUNT: numbers from 50 on, by each
	ask 9 --answers "$tmp/now"
	cat "$tmp/now" >>"$tmp/answers"
	[ "$(awk '$4 >= 50 { seen[$3 " " $4] } END {
		for (s in seen) {
			split(s, part, " ")
			n[part[1]]++
		}
		for (p in n)
			if (n[p] >= '"$1"')
				enough++
		print enough + 0 }' "$tmp/answers")" -eq 3 ]
}

# --- counter ---------------------
broadcast '{ interval: 200ms, key: usersCount, counter: 50 }'
: >"$tmp/answers"
holds "counter: each worker gets one value after another" \
    wait_for 30 values_seen 4
is "counter: it never goes back" "$(awk '$4 != "none" {
	if ($4 < last[$3])
		print
	last[$3] = $4 }' "$tmp/answers")" ""
stop_rota

# --- command ---------------------
echo 7 >"$tmp/number"
broadcast "{ interval: 200ms, key: n, command: \"cat $tmp/number\" }"
holds "command: all have its output" wait_for 20 all_have 7
echo 8 >"$tmp/number"
holds "command: all have the next" wait_for 20 all_have 8
rm "$tmp/number"
holds "command: its failure is logged" wait_for 20 log_has 1 \
    'broadcast .*exit status 1.*the last value stays'
holds "command: the last value stays" all_have 8
for pid in $(answered); do
	kill -KILL "$pid"
done
holds "command: new workers get it although the command fails" \
    wait_for 20 all_have 8
echo 9 >"$tmp/number"
holds "command: it recovers" wait_for 20 all_have 9
stop_rota

# --- a slow command ---------------------
cat >"$tmp/slow" <<END
#!/bin/sh
if [ -e "$tmp/hang" ]; then
	sleep 1000 &
	echo "\$\$ \$!" >>"$tmp/hung"
	wait
fi
echo '"fast"'
END
chmod 755 "$tmp/slow"
broadcast "{ interval: 200ms, timeout: 300ms, key: n, command: \"$tmp/slow\" }"
holds "slow command: at first it is not" wait_for 20 all_have fast
: >"$tmp/hang"
holds "slow command: it is ended at its limit, again and again" \
    wait_for 20 sh -c "[ \$(wc -l <'$tmp/hung') -ge 3 ]"
holds "slow command: that is logged" log_has 1 \
    'broadcast .*(took longer|timeout).*the last value stays'
holds "slow command: the last value stays" all_have fast
rm "$tmp/hang"
# shellcheck disable=SC2046 # words are wanted
holds "slow command: none is left, nor what it has started" \
    wait_for 20 all_gone $(cat "$tmp/hung")
stop_rota
is "rota ends well" "$?" 0

# --- file, value, several ---------------------
echo 21 >"$tmp/file"
broadcast "{ interval: 200ms, key: n, file: \"$tmp/file\" }"
holds "file: all have what is in it" wait_for 20 all_have 21
echo 22 >"$tmp/file.new"
mv "$tmp/file.new" "$tmp/file"
holds "file: all have what has replaced it" wait_for 20 all_have 22
rm "$tmp/file"
holds "file: its absence is logged" \
    wait_for 20 log_has 1 'broadcast .*the last value stays'
holds "file: the last value stays" all_have 22
stop_rota

# An hour apart: only the stored value can reach a worker that comes later.
broadcast '{ interval: 1h, key: n, value: 42 }'
holds "value: all have it" wait_for 20 all_have 42
for pid in $(answered); do
	kill -KILL "$pid"
done
holds "value: so have their successors" wait_for 10 all_have 42
rollout
like "value: a rollout" "$rollout_result" 'is rolled out'
holds "value: so has the next generation" wait_for 10 all_have 42
stop_rota
is "rota ends well" "$?" 0
done_testing
