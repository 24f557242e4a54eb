#!/bin/sh
# SPDX-License-Identifier: MIT
# borrow.sh: a file of a plugin of this tree, under the name that templates have.
# Usage: borrow.sh FOLDER TARGET, as in borrow.sh plugins/storage/memory OUT/mine.c
set -eu

name=$(basename "$1")
upper=$(echo "$name" | tr '[:lower:]' '[:upper:]')
from=$1/$(basename "$2" | sed "s,^mine\\.,$name.,")
mkdir -p "$(dirname "$2")"
sed -e "s,\\b${name}_,mine_,g; s,\\b${upper}_,MINE_,g; s,\\b$name\\.\\(c\\|h\\|manifest\\|yaml\\)\\b,mine.\\1,g" \
    -e "s,^name: $name\$,name: mine,; s,^version: .*,version: 0.1.0," "$from" >"$2.tmp"
mv -f "$2.tmp" "$2"
