#!/bin/sh
# SPDX-License-Identifier: MIT
# anew.sh: nodes under load whose input logs become full: each begins anew by itself, in its process,
# and the network goes on; then one is killed. What was accepted is final once, the chain is one, no
# key signed twice; and all logs, that of who was killed too, are whole and lived again with equal
# effects. Takes about four minutes, as the smallest log has room for much.
# Usage: tests/e2e/anew.sh [TRANSFERS/S]

. "${top_srcdir:-.}/tests/e2e/network.sh"
rate=${1:-1500}
nodes='v1 v2 v3 v4'
plan 18

# `qnet dev` looks for qnetd beside itself, and writes node files for long logs.
mkdir "$work/bin"
cp "$qnet" "$work/bin/qnet"
cat >"$work/bin/qnetd" <<END
#!/bin/sh
sed -i 's/^input_log_size: .*/input_log_size: 128MiB/' "\$2"
exec "$qnetd" "\$@"
END
chmod +x "$work/bin/qnetd"

# count NAME EVENT: how many lines of its log have it.
count() {
    cat "$work/net/$1"/log.* | grep -c "event=$2 "
}

# come EVENT COUNT: each node has said so, so many times.
come() {
    until_s=$(($(date +%s) + 600))
    for name in $nodes; do
        while [ "$(count "$name" "$1")" -lt "$2" ]; do
            if [ "$(date +%s)" -ge "$until_s" ] || ! kill -0 "$dev" 2>/dev/null; then
                echo "$name: no '$1'"
                return 1
            fi
            sleep 1
        done
    done
}

"$work/bin/qnet" dev --nodes 4 --load "$rate" --dir "$work/net" --info "$work/info.json" --input-log \
    >"$work/out" 2>&1 &
dev=$!
pids="$pids $dev"
is 'each node begins anew when its log is full' come input-log-anew 1
is 'and runs again' come running 2
sleep 10
kill -9 "$(python3 -c '
import json, sys
print(next(n["pid"] for n in json.load(open(sys.argv[1]))["nodes"] if n["name"] == "v1"))' \
    "$work/info.json")"
sleep 10
kill -USR1 "$dev"
wait "$dev"
load_was_kept $? "$work/out"
ended 'the log of who was killed is lived again' 0 "$qnet" replay "$work/net/v1/data/died"
says 'with equal effects' 'equal effects in all of them'
sed 's/^/# /' "$work/said"
for name in $nodes; do
    ended "$name: so is what it recorded last" 0 "$qnet" replay "$work/net/$name"
    says 'with equal effects' 'equal effects in all of them'
done
same 'nothing was dropped' 0 "$(cat "$work"/net/v*/log.* | grep -c 'event=input-log-[fs]')"
python3 - "$work"/net/v*/log.* <<'PY'
import re, sys

# From the word that it begins anew to the next start's that it runs, and that it signs.
for path in sys.argv[1:]:
    began = None
    for line in open(path, errors="replace"):
        event = re.search(r"event=(\S+)", line)
        time = re.search(r"T(\d\d):(\d\d):([\d.]+)Z", line)
        if event is None or time is None:
            continue
        seconds = int(time[1]) * 3600 + int(time[2]) * 60 + float(time[3])
        if event[1] == "input-log-anew":
            began = seconds
        elif began is not None and event[1] in ("running", "signing"):
            print(f"# {path.split('/')[-2]}: {event[1]} after {seconds - began:.2f} s")
            began = None if event[1] == "signing" else began
PY
one_chain 4
untold 'no key signed twice, no node halted' "key-abused|evidence|$halts" "$work"/net/v*/log.* \
    "$work"/net/v*/out
