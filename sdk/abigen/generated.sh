#!/bin/sh
# SPDX-License-Identifier: MIT
# generated.sh: the one list of what abigen writes, a line each: WHAT DESCRIPTION FILE. From the root.

for abi in sdk/abi/*.yaml; do
    kind=$(basename "$abi" .yaml)
    echo "header $abi sdk/include/qnet/$kind.h"
    echo "reference $abi docs/abi/$kind.md"
    grep -q '^check: \[.' "$abi" && ! grep -q '^check: \[\]' "$abi" &&
        echo "cases $abi sdk/check/gen/$kind.h"
    [ "$kind" = manifest ] || echo "kind $abi kernel/plugin/gen/$kind.c"
done
for manifest in sdk/check/sample.yaml kernel/plugin/*.yaml plugins/*/*/*.yaml \
    tests/broken/*.yaml; do
    [ ! -e "$manifest" ] || echo "manifest $manifest ${manifest%.yaml}.manifest.h"
done
