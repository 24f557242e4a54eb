#!/bin/sh
# SPDX-License-Identifier: MIT
# quick_test.sh: the slice of run.sh that belongs to every check.
exec sh "${top_srcdir:-$(dirname "$0")/../..}/tests/spin/run.sh" --quick
