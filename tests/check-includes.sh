#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Proves the include rules of the layers: one TAP line a rule, each offence as file:line under it.
#
#   base < mem < wire | xen < verify | save | restore < capi < tools
#
# A file includes its own layer and those to the left of a "<", never a neighbour across a "|".
set -u
top=${SR_TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
number=0 failed=0

# list_includes: every include below the current directory, one "file:line token" a line.
list_includes() {
    local folders=()
    for folder in libsr tools tests include; do [ -d "$folder" ] && folders+=("$folder"); done
    grep -rnE '^[[:space:]]*#[[:space:]]*include' --include='*.[ch]' --include='*.[ch]pp' "${folders[@]}" |
        sed -E 's/^([^:]*:[0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*(["<][^">]*[">]).*/\1 \2/'
}

# rule WHAT FILES ABOUT ALLOWED: of the includes in files that match FILES, those that match ABOUT must match
# ALLOWED. All are extended regular expressions; a token keeps its quotes or angle brackets.
rule() {
    local offences
    number=$((number + 1))
    offences=$(awk -v files="$2" -v about="$3" -v allowed="$4" \
        '$1 ~ files && $2 ~ about && $2 !~ allowed { print "# " $1 " includes " $2 }' <<<"$includes")
    if [ -z "$offences" ]; then
        echo "ok $number - $1"
    else
        failed=$((failed + 1))
        echo "not ok $number - $1"
        echo "$offences"
    fi
}

# layer FILES ALLOWED-LAYERS: which parts of this project such files may include.
ours='^"'
layer() { rule "$1 includes only ${3//|/, }" "$2" "$ours" "^\"libsr/($3)/"; }

xen_header='^<(xen|xen/.*|xen[a-z_]*\.h|libxl.*)'
# Not <cstdio>: it has snprintf, which only makes words.
io_or_clock='^<(unistd|fcntl|poll|time|signal|pthread|sys/.*)\.h>|^<(chrono|ctime|[a-z]*stream|filesystem|thread|mutex)>|^"libsr/base/(fd|fd_io|clock)\.hpp"'

all_rules() {
    rule "A quoted include names a path from the top, or sr.h" '.' '^"' '^"((libsr|tools|tests)/[^.]|sr\.h")'
    layer "libsr/base" '^libsr/base/' 'base'
    layer "libsr/mem" '^libsr/mem/' 'base|mem'
    layer "libsr/wire" '^libsr/wire/' 'base|mem|wire'
    layer "libsr/xen" '^libsr/xen/' 'base|mem|xen'
    layer "libsr/verify" '^libsr/verify/' 'base|mem|wire|verify'
    layer "libsr/save" '^libsr/save/' 'base|mem|wire|xen|save'
    layer "libsr/restore" '^libsr/restore/' 'base|mem|wire|xen|restore'
    rule "The C ABI includes only sr.h and libsr, never verify" '^libsr/capi' "$ours" '^"(sr\.h|libsr/(base|mem|wire|xen|save|restore|capi)[/._])'
    rule "sr.h includes only the C library" '^include/' '.' '^<std(int|def)\.h>$'
    rule "tools/toolstack includes only sr.h, base and itself" '^tools/toolstack/' "$ours" '^"(sr\.h"|libsr/base/|tools/toolstack/)'
    rule "tools/xenguest includes only sr.h and itself" '^tools/xenguest/' "$ours" '^"(sr\.h"|tools/xenguest/)'
    rule "Other tools reach domains through sr.h and toolstack, streams through base, mem, wire, verify" \
        '^tools/' "$ours" '^"(sr\.h"|libsr/(base|mem|wire|verify)/|tools/)'
    rule "Xen's headers appear only in libsr/xen, tools/toolstack and tools/xenguest" \
        '^(libsr/([^x]|x[^e])|include/|tools/([^tx]|t[^o]|x[^e]))' "$xen_header" '^$'
    rule "mem and wire do no input or output and know no clock" '^libsr/(mem|wire)/' "$io_or_clock" '^$'
    rule "fakexen includes only itself and libsr/base" '^tests/fakexen/' "$ours" '^"(tests/fakexen/|libsr/base/)'
    rule "Nothing but tests includes tests" '^(libsr|tools|include)/' '"tests/' '^$'
}

# break_every_rule: a tree in which each rule is broken once, to see that each can fail.
break_every_rule() {
    breach() { mkdir -p "$(dirname "$1")" && echo "#include $2" >>"$1"; }
    breach libsr/wire/a.hpp '"../xen/host.hpp"'
    breach libsr/base/a.hpp '"libsr/mem/pte.hpp"'
    breach libsr/mem/a.cpp '"libsr/wire/decode.hpp"'
    breach libsr/wire/a.cpp '"libsr/xen/host.hpp"'
    breach libsr/xen/a.c '"libsr/wire/decode.hpp"'
    breach libsr/verify/a.cpp '"libsr/xen/host.hpp"'
    breach libsr/save/a.cpp '"libsr/restore/restore.hpp"'
    breach libsr/restore/a.cpp '"libsr/save/save.hpp"'
    breach libsr/capi_a.cpp '"libsr/verify/verify.hpp"'
    breach include/sr.h '<xenctrl.h>'
    breach tools/toolstack/a.cpp '"libsr/wire/decode.hpp"'
    breach tools/xenguest/a.cpp '"libsr/base/error.hpp"'
    breach tools/xsr/a.cpp '"libsr/save/save.hpp"'
    breach tools/xsr/b.cpp '<xen/domctl.h>'
    breach libsr/mem/b.cpp '<chrono>'
    breach tests/fakexen/a.cpp '"libsr/wire/decode.hpp"'
    breach libsr/save/b.cpp '"tests/support/a.hpp"'
}

cd "$top" || exit 1
includes=$(list_includes)
all_rules

broken=$(mktemp -d) || exit 1
trap 'rm -rf "$broken"' EXIT
cd "$broken" && break_every_rule
unnoticed=$(includes=$(list_includes) number=0 && all_rules | grep '^ok')
number=$((number + 1))
if [ -z "$unnoticed" ]; then
    echo "ok $number - Each rule fails on a tree that breaks it"
else
    failed=$((failed + 1))
    echo "not ok $number - Each rule fails on a tree that breaks it; unnoticed:"
    sed 's/^/# /' <<<"$unnoticed"
fi
echo "1..$number"
[ $failed -eq 0 ]
