#!/bin/sh
# SPDX-License-Identifier: MIT
# generated.sh: the one list of what abigen writes, a line each: WHAT DESCRIPTION FILE. From the root.

for abi in sdk/abi/*.yaml; do
    kind=$(basename "$abi" .yaml)
    echo "header $abi sdk/include/qnet/$kind.h"
done
