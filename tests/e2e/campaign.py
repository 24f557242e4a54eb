# SPDX-License-Identifier: MIT
"""What campaign.sh does to its nodes, one fault after another, and what it expects of each: the
network goes on being final, and the node that suffered comes back, by itself or by the advice that
it gave. Usage: campaign.py FOLDER FAULTS KINDS; the seed is $SEED.

Ends with 1 and words if a node does not come back."""

import collections
import json
import os
import random
import shutil
import signal
import socket
import sys
import time

PATIENCE_S = 150  # until all is well again; never waited for longer than needed
ASK_S = 5
ROT_FILES_MAX = 3


class Node:
    def __init__(self, work, name):
        self.name = name
        self.folder = f"{work}/net/{name}"
        self.storage = f"{self.folder}/data/storage"
        self.admin = f"{work}/net/run/qnet/{name}/admin.sock"
        self.key = None

    def ask(self, method, **params):
        """The result, or None if it does not answer; a refusal too."""
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(ASK_S)
                link.connect(self.admin)
                line = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                link.sendall(json.dumps(line).encode() + b"\n")
                return json.loads(link.makefile().readline()).get("result")
        except (OSError, ValueError):
            return None

    def status(self):
        """None while it starts, too."""
        status = self.ask("status")
        return status if status is not None and "final" in status else None

    def pid(self, info):
        """The process of the node itself: the child of what `qnet dev` started."""
        for node in json.load(open(info))["nodes"]:
            if node["name"] == self.name and node["pid"]:
                try:
                    path = f"/proc/{node['pid']}/task/{node['pid']}/children"
                    for child in open(path).read().split():
                        if "qnetd" in open(f"/proc/{child}/comm").read():
                            return int(child)
                except OSError:
                    pass
        return None

    def last_words(self):
        logs = [f for f in os.listdir(self.folder) if f.startswith("log.")]
        logs.sort(key=lambda name: int(name[4:]))
        text = open(f"{self.folder}/{logs[-1]}", errors="replace").read() if logs else ""
        if text == "" and len(logs) > 1:  # just started again
            text = open(f"{self.folder}/{logs[-2]}", errors="replace").read()
        return text


class Campaign:
    def __init__(self, work, kinds):
        self.work = work
        self.kinds = kinds
        self.info = f"{work}/info.json"
        self.random = random.Random(int(os.environ["SEED"]))
        self.counts = collections.Counter()
        self.advice = collections.Counter()
        wait_for(lambda: os.path.exists(self.info), "the network starts")
        self.nodes = [Node(work, n["name"]) for n in json.load(open(self.info))["nodes"]]
        self.well(self.nodes)
        for node in self.nodes:
            node.key = node.ask("node")["node_key"]

    def signal(self, node, number):
        pid = node.pid(self.info)
        try:
            if pid is not None:
                os.kill(pid, number)
        except ProcessLookupError:
            pass

    # --- what must be true after a fault ---

    def heed(self, node):
        """Does what a node that refuses, or does not sign, says is to be done."""
        status = node.status()
        if status is None:
            words = node.last_words()
            if "start with an empty folder" in words and node.pid(self.info) is None:
                shutil.rmtree(f"{self.work}/kept", ignore_errors=True)
                os.rename(node.storage, f"{node.storage}.kept")
                shutil.move(f"{node.storage}.kept", f"{self.work}/kept")
                self.advice["an empty folder"] += 1
        elif not status["vote"]["signing"] and status["phase"] == "running":
            if "key resume" in node.last_words() and node.ask("key.resume") is not None:
                self.advice["key resume"] += 1

    def is_well(self, node, window):
        status = node.status()
        return (
            status is not None
            and status["final"]["window"] >= window
            and status["vote"]["signing"]
            and not status["bad"]
        )

    def well(self, nodes, further=1):
        """All of these are final so many windows above where any is now, and sign."""
        now = [s["final"]["window"] for s in (n.status() for n in self.nodes) if s]
        window = max(now, default=0) + further
        heeded = 0
        end = time.time() + PATIENCE_S
        left = list(nodes)
        while left and time.time() < end:
            left = [n for n in left if not self.is_well(n, window)]
            if left and time.time() > heeded + 3:
                heeded = time.time()
                for node in left:
                    self.heed(node)
            time.sleep(0.3)
        for node in left:
            print(f"{node.name} is not well, window {window} wanted: {node.ask('status')}")
            print("\n".join(node.last_words().splitlines()[-15:]))
        if left:
            self.end(1)

    # --- faults ---

    def kill(self, node):
        self.signal(node, signal.SIGKILL)

    def stop(self, node):
        self.signal(node, signal.SIGSTOP)
        time.sleep(self.random.uniform(0.2, 8))
        self.signal(node, signal.SIGCONT)

    def both(self, node):
        """Two at once, so that nothing is final for a while."""
        self.kill(node)
        self.kill(self.random.choice([n for n in self.nodes if n is not node]))

    def ban(self, node):
        """A side of the network bans the other."""
        side = [n for n in self.nodes if n is not node and self.random.random() < 0.3] + [node]
        seconds = self.random.randint(1, 8)
        for one in side:
            for other in self.nodes:
                if other not in side:
                    one.ask("peer.ban", key=other.key, seconds=seconds, reason="campaign")
        time.sleep(seconds)

    def rot(self, node):
        """Some bits of some files change, and the node dies before it notices."""
        self.signal(node, signal.SIGSTOP)
        files = [f for f in sorted(os.listdir(node.storage)) if f != "lock.mdb"]
        for name in self.random.sample(files, min(len(files), self.random.randint(1, ROT_FILES_MAX))):
            self.flip(f"{node.storage}/{name}")
            if name == "data.mdb":
                open(f"{node.folder}/rotten", "w").close()
        self.signal(node, signal.SIGKILL)
        self.signal(node, signal.SIGCONT)

    def flip(self, path):
        """A bit of what is written, or the end of it is lost."""
        with open(path, "r+b") as file:
            extent = len(file.read().rstrip(b"\0"))
            if extent == 0:
                return
            at = self.random.randrange(extent)
            if self.random.random() < 0.2:
                size = os.fstat(file.fileno()).st_size
                file.truncate(at)
                file.truncate(size)
                print(f"  {os.path.basename(path)}: zeros from {at} of {extent}")
                return
            file.seek(at)
            byte = file.read(1)[0] ^ (1 << self.random.randrange(8))
            file.seek(at)
            file.write(bytes([byte]))
            print(f"  {os.path.basename(path)}: byte {at} of {extent}")

    def full(self, node):
        """The disk of the first node has no room for a while."""
        del node
        filler = f"{self.work}/disk/filler"
        try:
            with open(filler, "wb", buffering=0) as file:
                while file.write(bytes(1 << 20)) > 0:
                    pass
        except OSError:
            pass
        time.sleep(self.random.uniform(2, 10))
        os.unlink(filler)

    def clock(self, node):
        with open(f"{node.folder}/clock.new", "w") as file:
            file.write(f"{self.random.uniform(-2, 2):+.3f}\n")
        os.rename(f"{node.folder}/clock.new", f"{node.folder}/clock")

    # --- all of it ---

    def run(self, faults):
        for i in range(faults):
            node = self.random.choice(self.nodes)
            kind = self.random.choice(self.kinds)
            node = self.nodes[0] if kind == "full" else node
            print(f"{i + 1}: {kind} {node.name}", flush=True)
            if kind in ("rot", "full", "both"):
                self.well(self.nodes, 0)
            getattr(self, kind)(node)
            self.counts[kind] += 1
            if kind in ("rot", "full", "both"):
                self.well(self.nodes)
            time.sleep(self.random.uniform(0.1, 3))
        self.well(self.nodes)
        self.end(0)

    def end(self, code):
        for node in self.nodes:
            self.signal(node, signal.SIGCONT)
        print("faults:", ", ".join(f"{n} {kind}" for kind, n in sorted(self.counts.items())))
        print("advice followed:", dict(self.advice) or "none")
        sys.exit(code)


def wait_for(is_so, what):
    end = time.time() + PATIENCE_S
    while not is_so():
        if time.time() > end:
            sys.exit(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.2)


Campaign(sys.argv[1], sys.argv[3].split(",")).run(int(sys.argv[2]))
