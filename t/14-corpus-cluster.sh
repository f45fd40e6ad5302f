#!/bin/sh
# Messages of Node's workers: those that fuzzing has found, and some others.
cd "${top_srcdir:-.}" || exit 99
exec "${top_builddir:-.}/t/fuzz/replay_cluster" t/corpus/cluster
