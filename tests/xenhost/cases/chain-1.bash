# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The torture chain, first part: a guest with 4000 page tables is saved by stock xl, and comes home.
guests tiny

chain_save() {
    make_guest chain memory=64 work=8,4000,64
    count_of chain >/out/chain.count
    xl_save stock chain chain.xl
    verified chain.xl
    cp chain.xl /out/
}

add chain-save "a guest with 4000 page tables saved by stock xl" chain_save
