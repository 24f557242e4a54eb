#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# plant.py: reads tests/mutants/list and plants one mutant.
#
#   plant.py SOURCE names             every mutant's name
#   plant.py SOURCE says NAME         what it does
#   plant.py SOURCE engine NAME       the engine with which it is tried
#   plant.py SOURCE plant NAME OUT    writes its mutated files below OUT, and prints their names
#   plant.py SOURCE all OUT           the same of all, each below OUT/NAME: a line for each that is
#                                     not stale, its name and its files
#
# A text that is not found exactly once is stale, and ends this with status 1.

import os
import sys

KEYS = ("mutant", "says", "engine", "file", "find", "with")


class Stale(Exception):
    pass


class Mutant:
    def __init__(self, name):
        self.name, self.says, self.engine = name, "", "commit-reveal"
        self.edits = []  # [file, lines to find, lines to put]


def mutants_read(path):
    found, text = [], None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word in KEYS:
                text = None
            if word == "mutant":
                found.append(Mutant(rest))
            elif word == "says":
                found[-1].says = rest
            elif word == "engine":
                found[-1].engine = rest
            elif word == "file":
                where = rest
            elif word == "find":
                text = []
                found[-1].edits.append((where, text, []))
            elif word == "with":
                text = found[-1].edits[-1][2]
            elif text is not None:
                text.append(line)
    return found


def joined(lines):
    """Without the line's end, and without the blank line before the next mutant."""
    return "".join(lines).rstrip("\n")


def plant(source, mutant, out):
    """The names of its files."""
    files = {}
    for file, find, put in mutant.edits:
        if file not in files:
            with open(os.path.join(source, file), encoding="utf-8") as it:
                files[file] = it.read()
        find = joined(find)
        count = files[file].count(find)
        if find == "" or count != 1:
            raise Stale(f"mutant {mutant.name}: its text is {count} times in {file}:\n{find}")
        files[file] = files[file].replace(find, joined(put))
    for file, text in files.items():
        path = os.path.join(out, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as it:
            it.write(text)
    return list(files)


def plant_all(source, mutants, out):
    status = 0
    for mutant in mutants:
        try:
            print(mutant.name, *plant(source, mutant, os.path.join(out, mutant.name)))
        except Stale as stale:
            print(stale, file=sys.stderr)
            status = 1
    return status


def main():
    source, what = sys.argv[1:3]
    mutants = mutants_read(os.path.join(source, "tests/mutants/list"))
    if what == "names":
        print("\n".join(mutant.name for mutant in mutants))
        return 0
    if what == "all":
        return plant_all(source, mutants, sys.argv[3])
    for mutant in mutants:
        if mutant.name == sys.argv[3]:
            if what == "plant":
                print("\n".join(plant(source, mutant, sys.argv[4])))
            else:
                print(mutant.engine if what == "engine" else mutant.says)
            return 0
    raise Stale(f"no mutant {sys.argv[3]}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stale as stale:
        print(stale, file=sys.stderr)
        sys.exit(1)
