# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# The torture chain, second part: that guest went through a fake host, where libsr restored and saved it. It goes on.
guests tiny

# prepare DIRECTORY: outside, before the host boots; what it puts there is carried in.
prepare() {
    local source=$results/chain-1
    [ -s "$source/chain.xl" ] || die "chain-2 goes on where chain-save ended: CASES='chain*' runs both"
    cp "$source/chain.count" "$1/"
    "$here/through-fakexen" "$build_dir" "$source/chain.xl" "$1/chain.xl" >"$source/through-fakexen.log" 2>&1 ||
        die "the chain broke in fakexen; see $source/through-fakexen.log"
}

chain_goes_on() {
    verified /in/prepared/chain.xl
    echo chain >>guests
    "$@" /in/prepared/chain.xl
    goes_on chain "$(cat /in/prepared/chain.count)" 60
    xsr save chain again.xl || fail "xsr save failed"
    xl_restore stock again.xl
    stays chain
}

add chain-to-stock "out of fakexen, restored by stock xl" chain_goes_on xl_restore stock
add chain-to-libsr "out of fakexen, restored by xl with libsr" chain_goes_on xl_restore libsr
add chain-to-xsr "out of fakexen, restored by xsr" chain_goes_on xsr restore
