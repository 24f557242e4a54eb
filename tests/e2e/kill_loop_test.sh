#!/bin/sh
# SPDX-License-Identifier: MIT
# kill_loop_test.sh: a short slice of the kill loop; `sh tests/e2e/kill_loop.sh` runs 50 kills.

exec sh "${top_srcdir:-.}/tests/e2e/kill_loop.sh" 5
