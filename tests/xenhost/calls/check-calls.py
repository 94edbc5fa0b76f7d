#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fakexen answers hypercalls and mappings as a real Xen did, but for what `differences` lists. Prints TAP."""
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, here)
from compare import compare_files  # noqa: E402

build = os.path.abspath(os.environ.get("SR_TOP_BUILDDIR", "."))


def record(directory):
    path = os.path.join(directory, "transcript")
    command = [os.path.join(build, "tests/fakexen/fakexen"), "run", os.path.join(directory, "host"), "--memory", "512M",
               "--no-xsave", "--", os.path.join(build, "tests/xenhost/calls/calls")]
    with open(path, "w") as out:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True)
    return path, done


def main():
    with tempfile.TemporaryDirectory() as directory:
        path, done = record(directory)
        results = list(compare_files(os.path.join(here, "xen-4.17.txt"), path, os.path.join(here, "differences")))
    print(f"1..{len(results) + 1}")
    for number, (section, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {section}: the same as on Xen")
        for line in wrong[:20]:
            print(f"# {line}")
    good = done.returncode == 0
    print(f"{'ok' if good else 'not ok'} {len(results) + 1} - nothing is left over on the host")
    if not good:
        print(f"# exit {done.returncode}")
        for line in done.stderr.splitlines()[-10:]:
            print(f"# {line}")
    return 0 if good and not any(wrong for _, wrong in results) else 1


if __name__ == "__main__":
    sys.exit(main())
