#!/bin/sh
# Inputs that fuzzing has found, and all others there are, once more.
cd "${top_srcdir:-.}" || exit 99
exec "${top_builddir:-.}/t/fuzz/replay_conf" t/corpus/conf t/conf/good \
    t/conf/bad
