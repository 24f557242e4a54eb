#!/bin/sh
# SPDX-License-Identifier: MIT
# admin_test.sh: the node's socket, asked well, badly, slowly and by too many.

. "${top_srcdir:-.}/tests/e2e/network.sh"
network 1
node v1
reaches v1 final.window 1 >/dev/null

python3 - "$XDG_RUNTIME_DIR/qnet/v1/admin.sock" <<'PY'
import json, os, socket, stat, sys, time

path = sys.argv[1]
number = 0


def report(name, ok):
    global number
    number += 1
    print("%s %d - %s" % ("ok" if ok else "not ok", number, name), flush=True)


def client():
    it = socket.socket(socket.AF_UNIX)
    it.settimeout(30)
    for _ in range(300):  # the system's own queue may be full for a moment
        try:
            it.connect(path)
            return it
        except BlockingIOError:
            time.sleep(0.1)
    raise SystemExit("the socket takes no more clients")


def answer(it, line):
    it.sendall(line + b"\n")
    said = b""
    while not said.endswith(b"\n"):  # byte by byte: what follows is not the answer's
        part = it.recv(1)
        if not part:
            raise ConnectionError("hung up")
        said += part
    return json.loads(said)


def ask(method, params=None, it=None):
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
    return answer(it or client(), json.dumps(request).encode())


def code(it):
    return it.get("error", {}).get("code")


print("1..23", flush=True)
report("the socket is not for everyone", stat.S_IMODE(os.stat(path).st_mode) & 0o007 == 0)
status = ask("status")
report("a question is answered with its id", status["id"] == 7 and status["result"]["name"] == "v1")
report("bytes that are no JSON are refused", code(answer(client(), b"hello")) == -32700)
report("so is a document that is no request", code(answer(client(), b"[1]")) == -32600)
report("a member that comes twice is refused", code(answer(client(), b'{"id":1,"id":2}')) == -32700)
it = client()
strange = answer(it, b'{"id":5,"method":"storage","x":[' + b"[]," * 300 + b"[]]}")
report("so is one with a member that no request has", code(strange) == -32600 and strange["id"] == 5)
many = b'{"method":"storage","params":{"x":[' + b"[]," * 340000 + b"[]]}}"
report("so is one with very many values", code(answer(it, many)) == -32600)
report("and the client may go on", "result" in ask("version", it=it))
unknown = ask("statsu")
report("an unknown method gets the nearest one told",
       code(unknown) == -32601 and "status" in unknown["error"]["data"]["hint"])
report("an unknown parameter is refused", code(ask("status", {"now": 1})) == -32602)
report("a number out of range is refused", code(ask("micro", {"at": -1})) == -32602)
report("a list that is too long is refused", code(ask("micro", {"count": 100000})) == -32602)
report("a hash that is none is refused", code(ask("tx", {"id": "zz"})) == -32602)
report("what is not there is said", code(ask("macro", {"at": 999999})) == 1)
report("a transaction that is none is refused", code(ask("tx.submit", {"txs": ["00"]})) == -32602)
# A transfer is 166 bytes: as many as are said to be taken at once. Who signed them does not matter.
made = bytes([1, 0, 0, 0, 40, 0]) + bytes(160)
whole = [(made[:6] + i.to_bytes(8, "little") + made[14:]).hex() for i in range(524288 // 166)]
verdicts = ask("tx.submit", {"txs": whole}).get("result", {}).get("txs", [])
report("512 KiB of transactions fit a line", len(verdicts) == len(whole))
amounts = ask("node")["result"]
report("amounts are strings", isinstance(amounts["fee_min"], str))

it = client()
try:
    it.sendall(b"x" * (3 << 20))
    while it.recv(65536):
        pass
    gone = True
except (ConnectionError, BrokenPipeError):
    gone = True
except socket.timeout:
    gone = False
report("a line without an end is cut off", gone)

slow = client()
slow.sendall(b'{"jsonrpc":"2.0","id":1,"method":"micro","params":{"count":1000,"ids":true}}\n' * 60)
silent = client()
report("whoever does not read holds nobody up", "result" in ask("status"))
half = client()
half.sendall(b'{"jsonrpc":"2.0",')
half.close()
report("whoever leaves in the middle holds nobody up", "result" in ask("status"))
slow.close()

many = [client() for _ in range(40)]
refused = 0
for it in many:
    try:
        line = answer(it, b'{"jsonrpc":"2.0","id":1,"method":"version"}')
        refused += code(line) == 4
    except (ValueError, OSError):
        refused += 1
report("the 33rd client is refused", 0 < refused < 40)
for it in many:
    it.close()
silent.close()

# The node frees the places of those who left when its loop comes round.
watch = b'{"jsonrpc":"2.0","id":1,"method":"watch","params":{"topics":["micro","macro"]}}'
for _ in range(300):
    watcher = client()
    try:
        if "result" in answer(watcher, watch):
            break
    except (ValueError, OSError):
        pass
    watcher.close()
    time.sleep(0.1)
lines = watcher.makefile()
topics = [json.loads(lines.readline())["params"]["topic"] for _ in range(3)]
report("events come to who watches", set(topics) <= {"micro", "macro"})
report("the node still answers", "result" in ask("status"))
PY
