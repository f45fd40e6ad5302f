#!/bin/sh
# budget: 90
# What workers print comes out as "pool[slot] pid | line", whole and escaped,
# and never blocks a worker nor the supervisor.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
# shellcheck source=t/load.sh
. "$top_srcdir/t/load.sh"

cat >"$tmp/speak" <<'END'
#!/bin/sh
echo "to stdout"
echo "to stderr" >&2
printf 'a\033[31mb\001c\rd\177e\n'
printf 'gr\303\274n \342\202\254 \360\237\230\200\n'
printf 'bad \377\300\200 \355\240\200\n'
printf '\n'
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "x"; print "" }'
printf 'no newline'
exit 0
END
chmod 755 "$tmp/speak"
start_rota "command: $tmp/speak
name: talk
count: 1
restart: never"
reap 20 "$rota_pid"
is "rota ends with the worker" "$?" 0
pid=$(sed -n 's/.* pid \([0-9]*\): started.*/\1/p' "$log")
grep '^talk\[0\] ' "$log" >"$tmp/lines"

# line_is TEXT N WANT: the nth line of the worker, without its prefix.
line_is() {
	is "$1" "$(sed -n "$2s/^talk\[0\] $pid | //p" "$tmp/lines")" "$3"
}
is "every line has pool, slot and pid" \
    "$(grep -vc "^talk\[0\] $pid | " "$tmp/lines")" 0
line_is "stdout" 1 "to stdout"
line_is "stderr, in the order of writing" 2 "to stderr"
line_is "control bytes are escaped" 3 'a\x1b[31mb\x01c\x0dd\x7fe'
euro='gr\303\274n \342\202\254 \360\237\230\200'
# shellcheck disable=SC2059
line_is "UTF-8 is kept" 4 "$(printf "$euro")"
line_is "what is not UTF-8 is escaped" 5 'bad \xff\xc0\x80 \xed\xa0\x80'
line_is "an empty line" 6 ""
is "a long line is split at 8 KiB" \
    "$(sed -n '7,9s/.* | //p' "$tmp/lines" |
	awk '{ print length($0) }' | tr '\n' ' ')" "8192 8192 3616 "
line_is "the last line without its end" 10 "no newline"

# Nobody reads the supervisor's stderr: a pipe, held open here.
cat >"$tmp/talker" <<END
#!/bin/sh
awk 'BEGIN { for (i = 1; i <= 40000; i++) {
	printf "line %06d ", i
	print "........................................................." } }'
: >"$tmp/said"
exec sleep 1000
END
chmod 755 "$tmp/talker"
cat >"$tmp/full.yaml" <<END
pools:
  - name: talker
    command: $tmp/talker
    count: 1
  - name: http
    command: rota-http
    listen: ["unix:$tmp/socket"]
    count: 2
END
mkfifo "$tmp/pipe"
exec 8<>"$tmp/pipe"
PATH="$top_builddir:$PATH" "$top_builddir/rota" run "$tmp/full.yaml" \
    </dev/null 2>&8 8<&- &
rota_pid=$!
started "$rota_pid"
holds "a worker is not blocked by a full pipe" \
    wait_for 30 test -e "$tmp/said"
"$load" --unix "$tmp/socket" -n 200 -c 4 --timeout 20s >"$tmp/ask" 2>&1
is "others are served meanwhile" \
    "$(value ok "$tmp/ask") $(value failed "$tmp/ask")" "200 0"
flags=$(sed -n 's/^flags:[^0-9]*//p' "/proc/$$/fdinfo/8")
is "the inherited stderr is not made non-blocking" $((flags & 04000)) 0

start "$tmp/cat.err" sh -c 'exec cat <"$0" >"$1"' "$tmp/pipe" "$tmp/drained"
holds "when it is read again, a line has the count of those dropped" \
    wait_for 20 grep -Eq '^rota: warning: .*lines.* lost' "$tmp/drained"
dropped=$(grep '^rota: warning: .*lines.* lost' "$tmp/drained" |
    grep -Eo '[0-9]+' | awk '{ n += $1 } END { print n + 0 }')
seen=$(grep -c '^talker\[0\] [0-9]* | line' "$tmp/drained")
holds "dropped $dropped, seen $seen of 40000" \
    test "$dropped" -ge $((40000 - seen)) -a \
    "$dropped" -le $((40000 - seen + 100)) -a "$dropped" -gt 0
is "no line is cut" \
    "$(grep -c '^talker.*| line' "$tmp/drained")" \
    "$(grep -Ec '^talker\[0\] [0-9]+ \| line [0-9]{6} \.{57}$' \
	"$tmp/drained")"
stop_rota
is "rota ends well" "$?" 0
exec 8>&-

# Nobody reads it any more, ever: rota has to end all the same.
mkfifo "$tmp/pipe2"
exec 8<>"$tmp/pipe2"
rm -f "$tmp/said"
PATH="$top_builddir:$PATH" "$top_builddir/rota" run "$tmp/full.yaml" \
    </dev/null 2>&8 8<&- &
rota_pid=$!
started "$rota_pid"
holds "a full pipe again" wait_for 30 test -e "$tmp/said"
stop_rota
is "rota ends although nobody reads its stderr" "$?" 0
done_testing
