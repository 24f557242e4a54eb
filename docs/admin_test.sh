#!/bin/sh
# SPDX-License-Identifier: MIT
# admin_test.sh: admin.md names the methods, parameters, topics and codes that the admin socket has,
# and nothing else.

cd "${top_srcdir:-.}" || exit 99
number=0

# equal NAME A B: passes if both texts have the same lines, in whatever order, and are not empty.
equal() {
    number=$((number + 1))
    a=$(printf '%s\n' "$2" | sort)
    b=$(printf '%s\n' "$3" | sort)
    if [ -n "$a" ] && [ "$a" = "$b" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        printf '%s\n' "$a" "differs from" "$b" | sed 's/^/# /'
    fi
}

# section TITLE: the rows of its first table.
section() {
    sed -n "/^## $1\$/,/^##/s/^| \\([\`0-9-][^-].*\\) |\$/\\1/p" docs/admin.md
}

# The table of queries: method, whether it is public, function.
queries() {
    sed -n '/qnk_queries\[\] = {/,/^};/s/^    {"\([a-z.]*\)", ".*", \([a-z]*\), \([a-z_]*\)},/\1 \2 \3/p' \
        kernel/host/query.c
}

# Each method with each parameter that its function knows.
parameters() {
    { queries; cat kernel/host/query_*.c; } | awk '
        NF == 3 && $2 ~ /^(true|false)$/ { method[$3] = $1 }
        /^void qnk_ask_/ { name = $2; sub(/\(.*/, "", name) }
        /known\[\] = *\{?/ { listed = 1 }
        listed {
            while (match($0, /"[a-z]+"/)) {
                print method[name], substr($0, RSTART + 1, RLENGTH - 2)
                $0 = substr($0, RSTART + RLENGTH)
            }
            if (/;/) { listed = 0 }
        }'
    sed -n '/^static void watch(.*)$/,/^}/s/.*_get(params, "\([a-z]*\)").*/watch \1/p' \
        kernel/host/admin.c
}

echo 1..4
equal 'methods, and whom they are for' \
    "$(queries | sed 's/ true .*/ anyone/; s/ false .*/ operator/'; echo watch anyone)" \
    "$(section Methods | sed 's/`\([a-z.]*\)` | \([a-z]*\) .*/\1 \2/')"
equal 'parameters' \
    "$(parameters)" \
    "$(section Methods | awk -F'|' '{
        gsub(/[` ]/, "", $1)
        while (match($3, /`[a-z]+`/)) {
            print $1, substr($3, RSTART + 1, RLENGTH - 2)
            $3 = substr($3, RSTART + RLENGTH)
        }
    }')"
equal 'topics' \
    "$(sed -n 's/^static const char \*const topics\[TOPICS\] = {\(.*\)};/\1/p' kernel/host/admin.c |
        tr -d '" ' | tr ',' '\n')" \
    "$(section Events | sed 's/`\([a-z]*\)`.*/\1/')"
equal 'codes' \
    "$(sed -n 's/^ *QNK_QUERY_[A-Z_]* = \(-*[0-9]*\),.*/\1/p' kernel/host/query.h
    grep -o -- '= -32[0-9]*' kernel/host/request.h | tr -d '= '
    sed -n 's/.*id, \(-32[0-9]*\), .*/\1/p' kernel/host/admin.c)" \
    "$(section Errors | sed 's/ .*//')"
