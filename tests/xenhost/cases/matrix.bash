# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each engine on each side, on guests of 24 MiB: save and restore, save -c, live migration.
guests tiny
for sender in libsr stock; do
    for receiver in libsr stock; do
        add "save-$sender-$receiver" "xl save by $sender, xl restore by $receiver" save_and_restore $sender $receiver
        add "checkpoint-$sender-$receiver" "xl save -c by $sender, the guest goes on; the file by $receiver" \
            checkpoint_and_restore $sender $receiver
        add "migrate-$sender-$receiver" "xl migrate, $sender to $receiver" migrate $sender $receiver
    done
done
