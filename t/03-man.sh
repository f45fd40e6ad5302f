#!/bin/sh
# The manuals: lint, references to each other, and the list of commands.
# shellcheck source=t/lib.sh
. "${top_srcdir:-.}/t/lib.sh"

mandoc=${MANDOC:-mandoc}
if [ "$mandoc" = : ] || ! command -v "$mandoc" >"$tmp/which"; then
	skip_all "mandoc is not installed"
fi

# A page's references to other pages, as "name section", one per line.
references() {			# references FILE
	sed -n -e 's/^\.Xr //p' -e 's/^\..* Xr //p' "$1" |
	    awk '{ print $1, $2 }' | sort -u
}

# References to manuals of this project that are not there.
dangling() {			# dangling FOLDER
	for _page in "$1"/*.[1-9]; do
		references "$_page" | while read -r _name _section; do
			case $_name in
			rota | rota[.-]* | librota)
				[ -f "$1/$_name.$_section" ] ||
				    echo "$_page: $_name($_section)" ;;
			*)	case $_section in
				[1-9] | 3p | 3am) ;;
				*) echo "$_page: section of $_name" ;;
				esac ;;
			esac
		done
	done
}

# Pages that lack a section which every page has.
incomplete() {			# incomplete FOLDER
	for _page in "$1"/*.[1-9]; do
		for _section in NAME DESCRIPTION "SEE ALSO"; do
			grep -q "^\.Sh $_section\$" "$_page" ||
			    echo "$_page: no $_section"
		done
	done
}

# The commands of a page's SYNOPSIS: the word after .Nm rota.
documented() {			# documented FILE
	awk '
		/^\.Sh / { here = $2 == "SYNOPSIS" }
		here && /^\.Nm/ { after = 1; next }
		here && after && /^\.(Cm|Ic) / { print $2; after = 0 }
		here && after && /^\.(Op|Fl)/ { after = 1 }' "$1" | sort -u
}

# The commands that the program names, each in an indented line.
offered() {
	"$top_builddir/rota" help 2>"$tmp/help.err" </dev/null |
	    awk '/^[ \t]+[a-z]/ { print $1 == "rota" ? $2 : $1 }' | sort -u
}

for page in "$top_srcdir"/man/*.[1-9]; do
	is "lint: ${page##*/}" \
	    "$("$mandoc" -Tlint -Wwarning "$page" 2>&1)" ""
done
is "pages of this project that are named exist" \
    "$(dangling "$top_srcdir/man")" ""
is "every page has its sections" "$(incomplete "$top_srcdir/man")" ""

if [ -x "$top_builddir/rota" ] && [ -n "$(offered)" ]; then
	is "rota(1) lists the commands that rota help does" \
	    "$(documented "$top_srcdir/man/rota.1")" "$(offered)"
else
	skip "rota(1) lists the commands that rota help does" \
	    "this rota names no commands"
fi

# The checks themselves.
bad=$tmp/bad
mkdir -p "$bad"
cat >"$bad/rota.1" <<'END'
.Dd November 23, 2026
.Dt ROTA 1
.Os
.Sh NAME
.Nm rota
.Nd a bad page
.Sh SYNOPSIS
.Nm
.Cm run
.Op Fl q
.Ar file
.Nm
.Cm fly
.Sh DESCRIPTION
See
.Xr rota-none 7
and
.Xr sh 1 .
.Bogus
END
like "finds what lint says" \
    "$("$mandoc" -Tlint -Wwarning "$bad/rota.1" 2>&1)" 'Bogus'
like "finds a page that is not there" "$(dangling "$bad")" \
    'rota.1: rota-none\(7\)$'
like "finds a missing section" "$(incomplete "$bad")" 'no SEE ALSO'
is "reads the commands of a page" "$(documented "$bad/rota.1" | tr '\n' ' ')" \
    "fly run "

done_testing
