#!/bin/sh
# Lines of clients: those that fuzzing has found, and some others.
cd "${top_srcdir:-.}" || exit 99
exec "${top_builddir:-.}/t/fuzz/replay_control" t/corpus/control
