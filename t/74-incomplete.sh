#!/bin/sh
# A new config fails, and so does the way back: what is left of it is no
# secret, and applying the old config again sets it right.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

# Whoever is the old release cannot start while "broken" is there; slot 1 of
# the new one never can.
cat >"$tmp/app" <<'END'
#!/bin/sh
case $RELEASE in
old) [ ! -e broken ] || exit 3 ;;
new) : >broken
	[ "$ROTA_SLOT" = 0 ] || exit 4 ;;
esac
exec sleep 1000
END
chmod 755 "$tmp/app"

config() {			# config RELEASE
	printf '%s\n' "command: ./app" "count: 2" "env: { RELEASE: $1 }" \
	    "ready: { delay: 200ms, soak: 200ms }" "backoff: { initial: 10ms }"
}

control() {			# control COMMAND [ARGUMENT...]
	"$top_builddir/rota" "$@" -s "$tmp/run/rota.sock" >"$tmp/out" 2>&1
}

releases() {			# of the workers, sorted
	for _pid in $(children_of "$rota_pid"); do
		tr '\0' '\n' <"/proc/$_pid/environ" |
		    sed -n 's/^RELEASE=//p'
	done | sort | tr '\n' ' '
}

are() {				# are RELEASES
	[ "$(releases)" = "$1 " ]
}

start_rota "$(config old)"
holds "2 workers are ready" wait_for 20 all_ready 2
config new >"$tmp/new.yaml"
control apply "$tmp/new.yaml"
is "a config that fails" "$?" 1
like "its way back is incomplete" "$(cat "$tmp/out")" 'incomplete'
holds "one slot is not put back" are "new old"
rm -f "$tmp/broken"
control plan "$rota_config"
like "the plan says so" "$(cat "$tmp/out")" \
    'slot 0 could not be rolled back'
control apply "$rota_config"
is "the old config is applied again" "$?" 0
holds "and all are of it" wait_for 20 are "old old"
control plan "$rota_config"
like "nothing is left to be done" "$(cat "$tmp/out")" '[Nn]othing|no change'
stop_rota
is "rota ends well" "$?" 0
done_testing
