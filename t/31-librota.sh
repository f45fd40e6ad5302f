#!/bin/sh
# What librota exports, its header in other languages, and its corpus.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"
look_for_leaks
header=$top_srcdir/src/librota/rota.h

# Names that the header declares, one per line.
declared() {
	sed -n 's/.*[ 	*]\(rota_[a-z_]*\)(.*/\1/p' "$header" | sort -u
}

# Global names of a library, shared or static.
exported() {			# exported FILE [-D]
	nm ${2+"$2"} -g --defined-only "$1" 2>&1 |
	    awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }' | sort -u
}

declared >"$tmp/declared"
holds "the header declares functions" test "$(wc -l <"$tmp/declared")" -gt 15
if [ -f "$top_builddir/.libs/librota.so" ]; then
	is "the shared library exports these and nothing else" \
	    "$(exported "$top_builddir/.libs/librota.so" -D)" \
	    "$(cat "$tmp/declared")"
else
	skip "the shared library" "--disable-shared"
fi
if [ -f "$top_builddir/.libs/librota.a" ]; then
	is "the static one has no names of other kinds" \
	    "$(exported "$top_builddir/.libs/librota.a" |
	    grep -Ev '^(lib)?rota_')" ""
else
	skip "the static library" "--disable-static"
fi
grep -v '^	' "$top_srcdir/man/librota.3" |
    sed -n 's/^\.Fn \(rota_[a-z_]*\).*/\1/p' | sort -u >"$tmp/described"
is "the manual has every function" "$(cat "$tmp/described")" \
    "$(cat "$tmp/declared")"
sed -n 's/^	\(ROTA_[A-Z]*\).*/\1/p' "$header" >"$tmp/events"
is "there are six events" "$(wc -l <"$tmp/events")" 6
while read -r event; do
	holds "the manual has $event" \
	    grep -q "^\.It Dv $event" "$top_srcdir/man/librota.3"
done <"$tmp/events"

# --- the header ------------------------------------------------------------
cat >"$tmp/use.c" <<'END'
#include <rota.h>
int use(struct rota *r);
int use(struct rota *r)
{
	struct rota_event ev;
	return rota_next(r, &ev, 0) == 1 && ev.type == ROTA_MESSAGE;
}
END
cp "$tmp/use.c" "$tmp/use.cc"
compile() {			# compile COMPILER OPTION... FILE
	"$@" -Wall -Wextra -pedantic -Werror -I"$(dirname "$header")" \
	    -c -o "$tmp/use.o"
}
# shellcheck disable=SC2086 # a compiler with its options
holds "it is C99" compile ${CC:-cc} -std=c99 "$tmp/use.c"
if command -v c++ >"$tmp/which"; then
	holds "it is C++" compile c++ -std=c++11 "$tmp/use.cc"
	like "with C linkage" "$(nm -u "$tmp/use.o")" 'U rota_next$'
else
	skip "it is C++" "there is no c++"
fi

# --- the corpus of the fuzzer ----------------------------------------------
"$top_builddir/t/fuzz/replay_librota" "$top_srcdir/t/corpus/librota" \
    >"$tmp/replay"
is "what was fed to the reader" "$? $(grep -c '^ok' "$tmp/replay")" \
    "0 $(find "$top_srcdir/t/corpus/librota" -type f | wc -l)"
done_testing
