#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bash completion of xsr, fakexen and fakexen-guest, asked as bash asks it. Prints TAP.
set -u
top=${SR_TOP_SRCDIR:-.} build=${SR_TOP_BUILDDIR:-.}
work=$(mktemp -d "${TMPDIR:-/tmp}/libsr-completion.XXXXXX")
nr=0 failed=0
fakexen=$build/tests/fakexen/fakexen guest=$build/tests/fakexen/fakexen-guest
export FAKEXEN_HOST=$work/host LD_LIBRARY_PATH=$build/tests/fakexen/lib
trap '"$fakexen" stop >/dev/null 2>&1; rm -rf "$work"' EXIT

# completed SCRIPT WORD...: what completes the last word.
completed() {
    # shellcheck disable=SC2016  # for the inner shell
    bash -c '. "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
             function=$(complete -p "${1##*/}" | sed -E "s/.*-F ([^ ]+).*/\1/")
             "$function"; [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' -- "$@" | LC_ALL=C sort | paste -sd' '
}

# expect WANT SCRIPT WORD...
expect() {
    local want=$1 got
    shift
    got=$(completed "$@")
    nr=$((nr + 1))
    if [ "$got" = "$want" ]; then
        echo "ok $nr - ${*:2}"
    else
        failed=$((failed + 1))
        printf 'not ok %d - %s\n# got: %s\n# not: %s\n' $nr "${*:2}" "$got" "$want"
    fi
}

xsr() { expect "$1" "$top/tools/completion/xsr" "$build/xsr" "${@:2}"; }
fake() { expect "$1" "$top/tools/completion/fakexen" "$2" "${@:3}"; }

"$fakexen" start "$FAKEXEN_HOST" --memory 64M --step >/dev/null || exit 1
"$guest" create --name web --memory 4M >/dev/null || exit 1
"$guest" create --name wiki --memory 4M --paused >/dev/null || exit 1
cd "$work" || exit 1
touch saved.xl "with space.xl"

xsr "destroy diff" d
xsr "save show" s
xsr "--verbose" save --ve
xsr "--json" verify --q --j
xsr "--quiet" verify --q
xsr "bar" restore --progress b
xsr "json" restore --progress = j
xsr "" restore --name ''
xsr "x86_pv_vcpu_basic" show --type x86_pv_vcpu_b
xsr "1 web" save ''
xsr "web" save -c --timeout 5 w
xsr "saved.xl" save --raw web s
xsr "2 wiki" resume ''
xsr "web wiki" destroy w
xsr "1 2 host saved.xl web wiki with space.xl" grants ''
xsr "saved.xl" grants s
xsr "saved.xl" restore -p --name w --memory 5 sa
xsr "with space.xl" diff saved.xl w
fake "spoil status suspend" "$guest" s
fake "start step stop" "$fakexen" st
fake "--shuffle" "$fakexen" start --sh
fake "page" "$fakexen" start --shuffle p
fake "stale-types" "$fakexen" start --quirk s
fake "grant-frames: grant-version:" "$fakexen" start --quirk g
fake "host" "$fakexen" start h
fake "1 2" "$fakexen" show ''
fake "2" "$guest" status 2
fake "list tree" "$guest" create --p2m ''
fake "hot random stream" "$guest" create --dirty-pattern ''
fake "1 2" "$guest" create --grant-peer ''
fake "" "$guest" create --table-rate ''
fake "--sparse" "$guest" create --table-rate 5 --grants v1 --sp
fake "--sparse" "$guest" create --memory 4M --sp
fake "poweroff" "$guest" order 1 p
fake "grants-v1 grants-v2" "$guest" order 1 g
fake "1 2" "$guest" grants ''
fake "p2m page" "$guest" spoil 1 p
echo "1..$nr"
[ $failed -eq 0 ]
