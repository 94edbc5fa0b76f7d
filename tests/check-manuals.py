#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each option and verb that a program's --help names stands in its manual page, and the other way round. Prints TAP."""
import os
import re
import subprocess
import sys

top = os.environ.get("SR_TOP_SRCDIR", ".")
build = os.environ.get("SR_TOP_BUILDDIR", ".")
everywhere = {"-h", "--help", "--version"}


def help_of(program, verb=None):
    command = [os.path.join(build, program)] + ([verb] if verb else []) + ["--help"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return done.stdout


def section(text, *titles):
    """The indented lines under one of these titles."""
    inside, lines = False, []
    for line in text.splitlines():
        if line and not line.startswith(" "):
            inside = line.rstrip(":") in titles
        elif inside:
            lines.append(line)
    return lines


def options(text):
    found = set()
    for line in section(text, "Options"):
        head = re.match(r"  ((?:-\w, ?)?--[\w-]+|-\w)", line)
        if head:
            found |= set(re.split(r", ?", head.group(1)))
    return found - everywhere


def verbs(text):
    return {line.split()[0] for line in section(text, "Verbs", "Subcommands") if re.match(r"  \w", line)}


def page(name, part="1"):
    with open(os.path.join(top, "docs", f"{name}.{part}")) as file:
        return file.read().splitlines()


def flags(lines):
    """What Fl macros name: ".It Fl p , -paused" is -p and --paused."""
    found = set()
    for line in lines:
        if not line.startswith("."):
            continue
        in_flag = False
        for word in line[1:].split():
            if word == "Fl":
                in_flag = True
            elif word in {"Ar", "Cm", "Op", "Ns", "Xr", "It", "Nm", "Sy", "Pq", "Oo", "Oc"}:
                in_flag = False
            elif in_flag and re.match(r"[\w-]", word):
                found.add("-" + word)
    return found - everywhere


def explained(lines, macro):
    return {word for line in lines if line.startswith(".It " + macro + " ") for word in line.split()[2:]
            if re.fullmatch(r"[a-z]+", word)}


nr = failed = 0


def expect_same(what, in_help, in_page):
    global nr, failed
    nr += 1
    wrong = [f"# only in --help: {one}" for one in sorted(in_help - in_page)]
    wrong += [f"# only in the page: {one}" for one in sorted(in_page - in_help)]
    failed += 1 if wrong else 0
    print("\n".join([f"{'not ok' if wrong else 'ok'} {nr} - {what}"] + wrong))


def check_xsr():
    names = verbs(help_of("xsr"))
    expect_same("verbs of xsr.1", names, explained(page("xsr"), "Cm") & (names | {"migrate", "receive", "map"}))
    for verb in sorted(names):
        expect_same(f"options of xsr-{verb}.1", options(help_of("xsr", verb)), flags(page("xsr-" + verb)))


def check_many(program, name):
    text = help_of(program)
    names = verbs(text)
    lines = page(name)
    spoken_of = names & {word for line in lines if ".Cm " in line or line.startswith(".It Cm") for word in line.split()}
    expect_same(f"commands of {name}.1", names, spoken_of)
    in_help = options(text).union(*(options(help_of(program, verb)) for verb in names))
    expect_same(f"options of {name}.1", in_help, flags(lines))


def check_save_helper():
    name = "libsr-save-helper"
    expect_same(f"options of {name}.8", options(help_of(name)), flags(page(name, "8")))


check_xsr()
check_save_helper()
check_many("tests/fakexen/fakexen", "fakexen")
check_many("tests/fakexen/fakexen-guest", "fakexen-guest")
print(f"1..{nr}")
sys.exit(1 if failed else 0)
