#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Proves what libsr.so and libsr-xenguest.so show to the world: the functions of sr.h, two of <xenguest.h>, and nothing else;
# and whom they link.
set -u
top=${SR_TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
library=${SR_TOP_BUILDDIR:-$top}/.libs/libsr.so
number=0 failed=0

# tap WHAT OFFENCES: one TAP line; offences, one a line, are what is wrong.
tap() {
    number=$((number + 1))
    if [ -z "$2" ]; then
        echo "ok $number - $1"
    else
        failed=$((failed + 1))
        echo "not ok $number - $1"
        sed 's/^/# /' <<<"$2"
    fi
}

[ -e "$library" ] || { echo "not ok 1 - $library is there"; exit 1; }
# exports LIBRARY, needs LIBRARY, soname LIBRARY: what the dynamic linker sees of it.
exports() { nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }
needs() { readelf -d "$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p'; }
soname() { readelf -d "$1" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p'; }

declared=$(sed -nE 's/^SR_EXPORT .*\b(sr_[a-z_]+)\(.*/\1/p' "$top/include/sr.h" | sort)
exported=$(exports "$library")
needed=$(needs "$library")

tap "sr.h declares functions" "$([ -n "$declared" ] || echo "none found")"
tap "libsr.so exports nothing that sr.h does not declare" "$(comm -13 <(echo "$declared") <(echo "$exported"))"
tap "libsr.so exports every function of sr.h" "$(comm -23 <(echo "$declared") <(echo "$exported"))"
tap "libsr.so does not link the stock engine" "$(grep -E '^libxen(guest|light)' <<<"$needed")"
tap "libsr.so has a soname with a version" "$(soname "$library" | grep -vE '^libsr\.so\.[0-9]+$')"

pair=${library%.so}-xenguest.so
tap "libsr-xenguest.so exports two functions of <xenguest.h>" \
    "$(diff <(printf 'xc_domain_%s\n' restore save) <(exports "$pair"))"
tap "libsr-xenguest.so gives them the version that libxenguest 4.17 does" \
    "$(nm -D --defined-only "$pair" | awk '$2 == "T" && $3 !~ /@@VERS_4\.17\.0$/')"
tap "libsr-xenguest.so does not link the stock engine" "$(needs "$pair" | grep -E '^libxen(guest|light)')"
tap "libsr-xenguest.so has a soname with a version" "$(soname "$pair" | grep -vE '^libsr-xenguest\.so\.[0-9]+$')"
echo "1..$number"
[ $failed -eq 0 ]
