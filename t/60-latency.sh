#!/bin/sh
# budget: 150
# Killed workers come back, every time; the times are for the reader, and
# beside them those of runit in the same run.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
kills=$(by_scale 200 20)
alive=1100			# ms; runsv waits after what ended sooner
workers=12

cat >"$tmp/rota.yaml" <<END
command: $top_builddir/t/stamp
dialect: rota
count: $workers
backoff: { reset_after: 0 }
END
set -- rota "$top_builddir/rota" run "$tmp/rota.yaml"
if command -v runsvdir >"$tmp/which"; then
	i=0
	while [ "$i" -lt "$workers" ]; do
		mkdir -p "$tmp/sv/$i"
		ln -s "$top_builddir/t/stamp" "$tmp/sv/$i/run"
		i=$((i + 1))
	done
	set -- "$@" -- runit runsvdir "$tmp/sv"
fi
"$top_builddir/t/latency" "$kills" "$alive" "$@" >"$tmp/out" 2>"$tmp/err"
is "the run ends well" "$?" 0 || sed 's/^/# /' "$tmp/err"
is "workers that came back after $kills kills" \
    "$(sed -n 's/^rota.kills=//p' "$tmp/out")" "$kills"
sed 's/^/# /' "$tmp/out"
if command -v runsvdir >"$tmp/which"; then
	is "the same under runit" \
	    "$(sed -n 's/^runit.kills=//p' "$tmp/out")" "$kills"
else
	skip "the same under runit" "runit is not installed"
fi
done_testing
