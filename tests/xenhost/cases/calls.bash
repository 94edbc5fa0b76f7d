# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Hypercalls and foreign mappings, good and bad, on a real Xen: what came of them is what was recorded, against which
# `make check` holds fakexen. /out/calls.txt is the transcript.

prepare() {
    cp "$build_dir/tests/xenhost/calls/calls" "$here"/calls/{compare.py,xen-4.17.txt} "$1"
}

calls_as_recorded() {
    /in/prepared/calls >/out/calls.txt || fail "calls ended with $?"
    xl dmesg -c >/out/calls-dmesg.txt # Xen has something to say of each bad one, which is no complaint
    python3 /in/prepared/compare.py /in/prepared/xen-4.17.txt /out/calls.txt >/out/calls-differences.txt ||
        fail "not as recorded: $(head -n 1 /out/calls-differences.txt)"
}

add calls 'hypercalls and mappings are answered as recorded' calls_as_recorded
