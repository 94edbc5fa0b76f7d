#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Proves what of the style no compiler checks: licence lines, lengths of files, complete lists of sources.
set -u
cd "${SR_TOP_SRCDIR:-$(dirname "$0")/..}" || exit 1
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

mapfile -t sources < <(find libsr tools tests include -name '*.[ch]' -o -name '*.[ch]pp' | sort)
mapfile -t scripts < <(grep -rlIE '^#!' bootstrap tests .ci tools 2>/dev/null | sort)
mapfile -t lists < <(find . -name Makefile.mk -not -path './build*')

tap "Each source opens with its licence, then says what it is" "$(
    for file in "${sources[@]}"; do
        sed -n '1{/SPDX-License-Identifier: LGPL-2.1-or-later/!q1};2{/^\(\/\/\|\/\*\|  *\*\) *[^ ]/!q1}' "$file" || echo "$file"
    done)"
tap "Each script and list of sources names its licence" "$(
    grep -L 'SPDX-License-Identifier: LGPL-2.1-or-later' "${scripts[@]}" "${lists[@]}" configure.ac Makefile.am)"
tap "No source is longer than 500 lines" "$(wc -l "${sources[@]}" | awk '$1 > 500 && $2 != "total" { print $2 ": " $1 " lines" }')"
tap "Each source stands in a Makefile.mk, so that a tarball holds it" "$(
    for file in "${sources[@]}"; do
        grep -qsF "$file" "${lists[@]}" || echo "$file"
    done)"
echo "1..$number"
[ $failed -eq 0 ]
