#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py EXPECTED ACTUAL [DIFFERENCES]: whether two transcripts of `calls` say the same, section by section.

Lines that begin with # are remarks. DIFFERENCES lists lines that may differ, each with a reason:

    == section
    ! why
    -a line of EXPECTED
    +a line of ACTUAL

A line listed there that does not differ any more is an error too. Exits 1 where something is wrong.
"""
import collections
import difflib
import sys


def sections(path):
    found = {}
    with open(path) as file:
        for line in file.read().splitlines():
            if line.startswith("== "):
                found[line[3:]] = lines = []
            elif line and not line.startswith("#"):
                lines.append(line)
    return found


def expected_differences(path):
    """What may differ, as a count of each line of each section."""
    found = collections.defaultdict(collections.Counter)
    for section, lines in sections(path).items() if path else ():
        reason = None
        for line in lines:
            if line[0] == "!":
                reason = line[1:].strip()
            elif line[0] not in "-+" or not reason:
                raise SystemExit(f"{path}: {line!r} is no difference with a reason")
            else:
                found[section][line] += 1
    return found


def differences(expected, actual):
    """The lines that differ, each with - or + before it, and the line before it."""
    last = ""
    for line in difflib.ndiff(expected, actual):
        if line[0] in "-+":
            yield line[0] + line[2:], last
        elif line[0] == " ":
            last = line[2:]


def compare(expected, actual, may_differ):
    """What is wrong in a section, as lines to print."""
    left = may_differ.copy()
    wrong = []
    for line, before in differences(expected, actual):
        if left[line] > 0:
            left[line] -= 1
        else:
            wrong.append(f"after {before!r}: {line}")
    wrong += [f"does not differ any more: {line}" for line in (+left).elements()]
    return wrong


def compare_files(expected_path, actual_path, differences_path=None):
    """(section, what is wrong) for each section of either."""
    expected, actual = sections(expected_path), sections(actual_path)
    may_differ = expected_differences(differences_path)
    for section in list(expected) + [name for name in actual if name not in expected]:
        if section not in actual or section not in expected:
            yield section, ["there is no such section in one of them"]
        else:
            yield section, compare(expected[section], actual[section], may_differ[section])


def main():
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    bad = 0
    for section, wrong in compare_files(*sys.argv[1:]):
        for line in wrong:
            print(f"{section}: {line}")
        bad += len(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
