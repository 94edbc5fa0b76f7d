# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xsr, with its own small toolstack, beside xl.
guests tiny

# xsr_ VERB ...: xsr, whose failure is the case's.
xsr_() { xsr "$@" || fail "xsr $1 failed with $?"; }

xsr_state() { xsr list --json | python3 -c 'import json, sys
print(*[d["state"] for d in json.load(sys.stdin) if d["name"] == sys.argv[1]])' "$1"; }

xsr_round_trip() {
    local from
    make_guest g "$@"
    from=$(count_of g)
    xsr_ save g g.xl
    no_domains || fail "after xsr save there are: $(domains)"
    verified g.xl
    xsr_ verify g.xl
    xsr_ restore g.xl
    only_domain g || fail "xl list does not show g: $(domains)"
    goes_on g "$from"
}

xsr_to_xl() {
    local from
    make_guest g
    from=$(count_of g)
    xsr_ save g g.xl
    xl_restore stock g.xl
    goes_on g "$from"
}

xl_to_xsr() {
    local from
    make_guest g
    from=$(count_of g)
    xl_save stock g g.xl
    xsr_ restore g.xl
    goes_on g "$from"
    # libxl keeps no configuration of a domain that it did not make, so xl would not save it.
    xsr_ save g again.xl
    xl_restore stock again.xl
    goes_on g "$from"
}

xsr_checkpoint() {
    make_guest g
    xsr_ save -c g g.xl
    stays g
    xsr_ save -c g again.xl
    stays g
    verified again.xl
}

xsr_looks() {
    make_guest g
    [ "$(xsr_state g)" = running ] || fail "xsr list says: $(xsr list)"
    xl_save stock -c g g.xl
    xsr_ info g.xl
    xsr_ verify g.xl
    [ "$(xsr info --json g.xl | python3 -c 'import json, sys; print(json.load(sys.stdin) is not None)')" = True ] ||
        fail "xsr info --json gives no JSON"
    xsr_ save -p g paused.xl
    [ "$(xsr_state g)" = paused ] || fail "after save -p xsr list says: $(xsr list)"
    xsr_ resume g
    stays g
    xsr_ destroy g
    await 60 no_domains || fail "after xsr destroy there are: $(domains)"
}

# 9p pins the pages that it moves, and foreign mappings cannot be: xl's own engine cannot save there.
xsr_on_9p() {
    local from
    make_guest g
    from=$(count_of g)
    xsr_ save g /out/on-9p.xl
    xsr_ restore /out/on-9p.xl
    goes_on g "$from"
    rm /out/on-9p.xl
}

# A saver that is killed leaves its guest suspended; it is seen, and goes on.
xsr_killed() {
    make_guest g
    mkfifo pipe
    { head -c 8000000; touch mid; sleep 1000; } <pipe >part &
    xsr save g pipe &
    await 240 test -e mid || fail "xsr save did not begin"
    kill -KILL $!
    wait $! || true
    [ "$(xsr_state g)" = suspended ] || fail "xsr list says: $(xsr list)"
    xsr_ resume g
    stays g
    xsr_ save -c g g.xl
    stays g
}

xsr_interrupted() {
    local code=0
    make_guest g
    mkfifo pipe
    { head -c 8000000; touch mid; sleep 1000; } <pipe >part &
    setsid xsr save g pipe &
    await 240 test -e mid || fail "xsr save did not begin"
    kill -TERM $!
    wait $! || code=$?
    [ $code -eq 130 ] || fail "xsr save ended with $code"
    stays g
}

xsr_disk_full() {
    local code=0
    make_guest g
    mkdir small
    mount -t tmpfs -o size=12m tmpfs small
    xsr save -f g small/g.xl || code=$?
    left=$(ls small)
    umount small
    [ $code -eq 3 ] || fail "xsr save ended with $code"
    [ -z "$left" ] || fail "xsr save left $left"
    stays g
}

add xsr-round-trip "xsr save, xsr restore" xsr_round_trip
add xsr-round-trip-2 "xsr save, xsr restore, 2 vCPUs and 4000 page tables" \
    xsr_round_trip vcpus=2 memory=64 work=4,4000,64
add xsr-to-xl "xsr save, xl restore by stock" xsr_to_xl
add xl-to-xsr "xl save by stock, xsr restore and save, xl restore again" xl_to_xsr
add xsr-checkpoint "xsr save -c, twice" xsr_checkpoint
add xsr-looks "xsr list, info, verify, save -p, resume, destroy" xsr_looks
add xsr-on-9p "xsr save to a file on 9p, and xsr restore from it" xsr_on_9p
add xsr-killed "xsr save gets SIGKILL; xsr resume" xsr_killed
add xsr-interrupted "xsr save gets SIGTERM" xsr_interrupted
add xsr-disk-full "xsr save to a disk that fills up" xsr_disk_full
