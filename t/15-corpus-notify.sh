#!/bin/sh
# Words of workers of other dialects: those that fuzzing has found, and some
# others.
cd "${top_srcdir:-.}" || exit 99
exec "${top_builddir:-.}/t/fuzz/replay_notify" t/corpus/notify
