# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's own kernel, with one vCPU and with two.
guests debian
for vcpus in 1 2; do
    for sides in "stock stock" "libsr stock" "stock libsr" "libsr libsr"; do
        # shellcheck disable=SC2086  # two words
        {
            set -- $sides
            add "debian-save-$1-$2-$vcpus" "xl save by $1, xl restore by $2, $vcpus vCPUs" \
                save_and_restore $sides vcpus=$vcpus memory=128 work=24,0,256
            add "debian-migrate-$1-$2-$vcpus" "xl migrate, $1 to $2, $vcpus vCPUs" \
                migrate $sides vcpus=$vcpus memory=128 work=24,0,1024
        }
    done
done
