# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# The ways a guest can be moved, for the files of cases. Arguments after the engines are make_guest's settings.

save_and_restore() {
    local from
    make_guest g "${@:3}"
    from=$(count_of g)
    xl_save "$1" g g.xl
    verified g.xl
    xl_restore "$2" g.xl
    goes_on g "$from"
}

checkpoint_and_restore() {
    local from
    make_guest g "${@:3}"
    from=$(count_of g)
    xl_save "$1" -c g g.xl
    goes_on g "$from"
    verified g.xl
    xl destroy g
    rm "$console_logs"/guest-g.log
    xl_restore "$2" g.xl
    goes_on g "$from"
}

migrate() {
    make_guest g work=4,0,256 "${@:3}"
    migrate_once "$1" "$2" g
}

# migrate_once SENDER RECEIVER NAME
migrate_once() {
    local from
    from=$(count_of "$3")
    xl_migrate "$1" "$2" "$3" || fail "xl migrate failed, $1 to $2"
    only_domain "$3" || fail "after the migration there are: $(domains)"
    goes_on "$3" "$from"
}
