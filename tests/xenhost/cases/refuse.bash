# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests that libsr does not take: xl says so in a sentence, and the guest runs on.
guests tiny

# refused NAME COMMAND...: it fails, says why, and the guest goes on; or a build that hands such guests to the stock
# helper does that.
refused() {
    local name=$1 from
    shift
    from=$(count_of "$name")
    if quietly "$@" >said 2>&1; then
        cat said
        say "not refused"
        [ -e g.xl ] && { xl_restore libsr g.xl; }
    else
        cat said
        grep -aqiE 'PVH|HVM|only PV' said || fail "the refusal does not say why"
        [ ! -s g.xl ] || rm g.xl
    fi
    await 60 only_domain "$name" || fail "there are: $(domains)"
    goes_on "$name" "$from"
}

pvh_save() {
    make_guest g 'type="pvh"' 'on_reboot="preserve"'
    refused g by libsr xl -v save g g.xl
}

pvh_migrate() {
    make_guest g 'type="pvh"' 'on_reboot="preserve"'
    refused g xl_migrate libsr libsr g
}

pvh_restore() {
    make_guest g 'type="pvh"' 'on_reboot="preserve"'
    xl_save stock g stock.xl
    if quietly by libsr xl -v restore stock.xl >said 2>&1; then
        stays g
    else
        grep -aqiE 'PVH|HVM|only PV' said || fail "the refusal does not say why: $(tail -n 2 said)"
        await 60 no_domains || fail "there are: $(domains)"
    fi
}

add pvh-save "xl save of a PVH guest by libsr" pvh_save
add pvh-restore "xl restore of a PVH guest by libsr" pvh_restore
add pvh-migrate "xl migrate of a PVH guest by libsr" pvh_migrate
