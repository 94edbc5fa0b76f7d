# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Ten in a row, two vCPUs, much that changes under a migration, thousands of page tables.
guests tiny

ten_round_trips() {
    local from
    make_guest g vcpus=2
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        from=$(count_of g)
        xl_save libsr g g.xl
        xl_restore libsr g.xl
        goes_on g "$from"
    done
}

ten_migrations() {
    make_guest g vcpus=2 memory=32 work=6,0,300
    for _ in 1 2 3 4 5; do
        migrate_once libsr stock g
        migrate_once stock libsr g
    done
}

# There and back again between engines: what one writes is what the other goes on with.
take_turns() {
    local from
    make_guest g
    for engines in "libsr stock" "stock libsr" "libsr libsr" "stock libsr" "libsr stock"; do
        from=$(count_of g)
        xl_save "${engines% *}" g g.xl
        xl_restore "${engines#* }" g.xl
        goes_on g "$from"
    done
}

add ten-round-trips "ten times xl save and restore by libsr, 2 vCPUs" ten_round_trips
add ten-migrations "ten times xl migrate, libsr and stock by turns, 2 vCPUs" ten_migrations
add take-turns "saved by one engine, restored by the other, and so on" take_turns
add busy-memory "xl migrate by libsr, 32 MiB of 64 rewritten all the time" \
    migrate libsr libsr memory=64 work=32,0,2000 vcpus=2
add tables-save "4000 page tables: xl save and restore by libsr" save_and_restore libsr libsr memory=64 work=4,4000,64
add tables-to-stock "4000 page tables: xl save by libsr, xl restore by stock" save_and_restore libsr stock memory=64 work=4,4000,64
add tables-migrate "4000 page tables: xl migrate by libsr" migrate libsr libsr memory=64 work=4,4000,64
