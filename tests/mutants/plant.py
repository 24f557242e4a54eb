#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# plant.py: reads tests/mutants/list and plants one mutant.
#
#   plant.py SOURCE names             every mutant's name
#   plant.py SOURCE says NAME         what it does
#   plant.py SOURCE plant NAME OUT    writes its mutated files below OUT, and prints their names
#
# A text that is not found exactly once ends this with status 1.

import os
import sys

KEYS = ("mutant", "says", "file", "find", "with")


class Stale(Exception):
    pass


def entries(path):
    """[(name, says, [(file, find, with)])]"""
    found, text, where = [], None, None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word in KEYS:
                text = None
            if word == "mutant":
                found.append((rest, "", []))
            elif word == "says":
                found[-1] = (found[-1][0], rest, found[-1][2])
            elif word == "file":
                where = rest
            elif word == "find":
                text = []
                found[-1][2].append((where, text, []))
            elif word == "with":
                text = found[-1][2][-1][2]
            elif text is not None:
                text.append(line)
    return [(name, says, [(file, joined(find), joined(put)) for file, find, put in edits])
            for name, says, edits in found]


def joined(lines):
    """Without the line's end, and without the blank line before the next mutant."""
    return "".join(lines).rstrip("\n")


def plant(source, name, edits, out):
    files = {}
    for file, find, put in edits:
        if file not in files:
            with open(os.path.join(source, file), encoding="utf-8") as it:
                files[file] = it.read()
        count = files[file].count(find)
        if find == "" or count != 1:
            raise Stale(f"mutant {name}: its text is {count} times in {file}:\n{find}")
        files[file] = files[file].replace(find, put)
    for file, text in files.items():
        path = os.path.join(out, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as it:
            it.write(text)
        print(file)


def main():
    source, what = sys.argv[1:3]
    mutants = entries(os.path.join(source, "tests/mutants/list"))
    if what == "names":
        print("\n".join(name for name, _, _ in mutants))
        return 0
    for name, says, edits in mutants:
        if name == sys.argv[3]:
            if what == "says":
                print(says)
            else:
                plant(source, name, edits, sys.argv[4])
            return 0
    raise Stale(f"no mutant {sys.argv[3]}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stale as stale:
        print(stale, file=sys.stderr)
        sys.exit(1)
