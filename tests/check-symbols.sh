#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Proves what libsr.so shows to the world: the functions of sr.h and nothing else, and whom it links.
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
declared=$(sed -nE 's/^SR_EXPORT .*\b(sr_[a-z_]+)\(.*/\1/p' "$top/include/sr.h" | sort)
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
needed=$(readelf -d "$library" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
soname=$(readelf -d "$library" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')

tap "sr.h declares functions" "$([ -n "$declared" ] || echo "none found")"
tap "libsr.so exports nothing that sr.h does not declare" "$(comm -13 <(echo "$declared") <(echo "$exported"))"
tap "libsr.so exports every function of sr.h" "$(comm -23 <(echo "$declared") <(echo "$exported"))"
tap "libsr.so does not link the stock engine" "$(grep -E '^libxen(guest|light)' <<<"$needed")"
tap "libsr.so has a soname with a version" "$(grep -qE '^libsr\.so\.[0-9]+$' <<<"$soname" || echo "it is '$soname'")"
echo "1..$number"
[ $failed -eq 0 ]
