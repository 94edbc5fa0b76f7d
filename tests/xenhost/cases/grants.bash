# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# Grant tables of Linux guests, of either version: looked at, recorded, carried through saves and migrations; and which
# calls libsr makes for that.
guests tiny

# domid_of NAME; table_of NAME: what Xen itself says, "v1 1": version, and shared frames.
domid_of() { xl domid "$1"; }
table_of() {
    xl debug-keys g
    xl dmesg | awk -v whose="d$(domid_of "$1")" '
        /grant-table for remote/ { version = ""; if (match($0, "remote " whose " ")) version = $NF }
        version != "" && / frames \(/ { match($0, /[0-9]+ frames/); said = version " " substr($0, RSTART) + 0; version = "" }
        END { gsub(/[()]/, "", said); print said }'
}

# make_granting VERSION: a guest g, with Linux's grant table of that version.
make_granting() {
    make_guest g "append=grant_table.version=$1" 'max_grant_version=2'
    is_of_version "$1"
}
is_of_version() { [[ "$(table_of g)" == "v$1 "* ]] || fail "g has the grant table $(table_of g), not v$1"; }

# grants_hold VERSION SUBJECT PYTHON: xsr grants --json holds that.
grants_hold() {
    xsr grants --json "$2" >grants.json || fail "xsr grants $2 ended with $?"
    python3 -c 'import json, sys
table = json.load(open("grants.json"))
role = {grant["role"]: grant for grant in table["grants"] if "role" in grant}
assert table["version"] == int(sys.argv[1]), table["version"]
assert {"console", "xenstore"} <= set(role), role
assert all(grant["domid"] == 0 and grant["writable"] for grant in role.values()), role
assert eval(sys.argv[2]), table' "$1" "$3" || fail "not in xsr grants $2: $3; see $(tr -d '\n' <grants.json)"
}

# recording COMMAND...: with the options that make libsr record the table.
recording() { LIBSR_SAVE_HELPER_OPTIONS="--grants --max-grant-version 2" "$@"; }

# checked FILE: xsr finds nothing wrong. Xen's own judge knows no record but Xen's, not even to skip; that is all it says.
checked() {
    xsr verify "$1" || fail "xsr verify ended with $?"
    ! (verified "$1") || fail "verify-stream-v2 has nothing to say of records that it does not know"
    : >"$why"
    grep -q 'Unrecognised record type 0xd3520001' verify.log || fail "verify-stream-v2: $(tail -n 2 verify.log)"
}

looked_at() {
    local before
    make_granting "$1"
    before=$(table_of g)
    xsr grants g >grants.txt || fail "xsr grants ended with $?"
    cat grants.txt
    grep -q console grants.txt || fail "xsr grants does not name the console"
    # xenconsoled maps by grant; oxenstored maps a foreign page.
    grants_hold "$1" g 'role["console"]["reading"] and role["console"]["writing"] and not role["xenstore"]["reading"]'
    grants_hold "$1" g 'table["frames"] == '"${before#* }"' and table.get("status-frames", 0) == int(sys.argv[1]) - 1'
    [ "$(table_of g)" = "$before" ] || fail "the table was $before, and is $(table_of g)"
    stays g
}

# Saved with its records, restored by libsr and by Xen's own helper, and migrated.
recorded() {
    local from
    make_granting "$1"
    for engine in libsr stock; do
        from=$(count_of g)
        recording xl_save libsr g g.xl
        checked g.xl
        grants_hold "$1" ./g.xl 'table["max-version"] == 2 and all("pfn" in grant for grant in role.values())'
        xl_restore $engine g.xl
        goes_on g "$from"
        is_of_version "$1"
    done
    recording migrate_once libsr libsr g
    is_of_version "$1"
}

by_xsr() {
    local from
    make_granting "$1"
    from=$(count_of g)
    xsr save --grants g g.xl || fail "xsr save ended with $?"
    checked g.xl
    grants_hold "$1" ./g.xl 'True'
    xl_restore stock g.xl
    goes_on g "$from"
    is_of_version "$1"
}

# A host of version 1 only: libsr says no before the guest finds out, and elsewhere the same file is good.
refused_by_limit() {
    local from
    make_granting 2
    from=$(count_of g)
    recording xl_save libsr g g.xl
    sed 's/max_grant_version=2/max_grant_version=1/' g.cfg >v1.cfg
    if LIBSR_SAVE_HELPER_OPTIONS="--max-grant-version 1" quietly by libsr xl -v restore v1.cfg g.xl >said 2>&1; then
        fail "xl restore says that it succeeded"
    fi
    cat said
    grep -a 'libsr: error' said | grep -aq 'version 2' || fail "the refusal does not say why: $(tail -n 2 said)"
    await 60 no_domains || fail "there are: $(domains)"
    xl_restore libsr g.xl
    goes_on g "$from"
}

# watched FILE COMMAND...: with all that dom0's programs ask Xen for in FILE, and what strace sees of a helper in strace.out.
watched() {
    local file=$1 code=0
    shift
    mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
    "$xenhost/dom0/privcmd-trace" start
    "$@" || code=$?
    "$xenhost/dom0/privcmd-trace" stop "$file"
    return $code
}
of_grants() { "$xenhost/dom0/privcmd-trace" grants "$1" | grep "^$2"; }

save_and_restore_watched() {
    # shellcheck disable=SC2016  # the helper expands it
    printf '#!/bin/bash\nexec strace -f -A -y -e trace=ioctl -o %s %s "$@"\n' "$PWD/strace.out" "$(helper_of libsr)" >helper
    chmod +x helper
    export LIBXL_SAVE_HELPER=$PWD/helper
    quietly recording xl -v save g g.xl || fail "xl save failed"
    quietly xl -v restore g.xl || fail "xl restore failed"
}

# beyond SIZE: whether libsr asked for more frames of a table than that.
beyond() {
    of_grants calls.trace libsr-save-help |
        awk -v size="$1" '/ (setup_table|acquire-shared) / && $4 + $5 > size { print; found = 1 } END { exit !found }'
}

# What libsr asks for of a table of version 1: nothing of its status, nothing beyond its size. That the probe would have
# seen it, the case of version 2 shows; that it missed nothing, strace.
calls_made() {
    local from frames seen
    make_granting "$1"
    from=$(count_of g) frames=$(table_of g)
    frames=${frames#* }
    watched calls.trace save_and_restore_watched
    goes_on g "$from"
    of_grants calls.trace libsr-save-help | tee "/out/grants-v$1.calls"
    seen=$(grep -c 'ioctl(.*/dev/xen/privcmd' strace.out)
    [ "$seen" -gt 10 ] || fail "strace saw $seen calls"
    [ "$("$xenhost/dom0/privcmd-trace" count calls.trace libsr-save-helper)" -eq "$seen" ] ||
        fail "strace saw $seen calls, the probe $("$xenhost/dom0/privcmd-trace" count calls.trace libsr-save-helper)"
    ! grep -q gntdev strace.out || fail "libsr uses gntdev"
    ! beyond "$frames" || fail "more than $frames frames were asked for"
    beyond 0 || fail "no look at the table was seen"
    case $1 in
        1) ! of_grants calls.trace . | grep -E 'status' || fail "a status frame of a v1 table was asked for" ;;
        2) of_grants calls.trace libsr-save-help | grep -E 'status' || fail "no status frame of a v2 table was asked for" ;;
    esac
}

for version in 1 2; do
    add grants-look-v$version "xsr grants of a running guest, v$version" looked_at $version
    add grants-xl-v$version "recorded by xl save and xl migrate with libsr, v$version" recorded $version
    add grants-xsr-v$version "recorded by xsr save, xl restore by stock, v$version" by_xsr $version
    add grants-calls-v$version "calls of a save and restore by libsr, v$version" calls_made $version
done
add grants-refused "a v2 guest where there is only v1" refused_by_limit
