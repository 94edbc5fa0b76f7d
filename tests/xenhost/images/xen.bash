# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hypervisor: Debian's source, with what Debian leaves out: SHADOW_PAGING, which log-dirty of a paravirtual guest
# needs, and PV32, paravirtual guests of 32 bits. One file: xen.
packages=(bison flex gcc make libc6-dev python3 dpkg-dev)
made_of=()
versions=(xen-hypervisor-4.17-amd64)

# Not every mirror has the source of the latest security update; one before it does as well.
get_source() {
    local version
    for version in $(own_apt apt-cache showsrc xen | awk '$1 == "Version:" { print $2 }' | sort -urV); do
        rm -f xen_4.17*
        ! own_apt apt-get -q source --download-only "xen=$version" || break
    done
    mkdir source
    tar -xf xen_4.17*.orig.tar.xz -C source --strip-components=1
    unpack_packages debian xen-hypervisor-4.17-amd64
}

# Debian's own configuration but for these options, and for what they depend on.
configure() {
    sed 's/# CONFIG_\(SHADOW_PAGING\|PV32\|EXPERT\|UNSUPPORTED\) is not set/CONFIG_\1=y/' debian/boot/xen-4.17-amd64.config \
        >source/xen/.config
    make -C source/xen olddefconfig
    grep CONFIG_SHADOW_PAGING=y source/xen/.config
    grep CONFIG_PV32=y source/xen/.config
}

compile() {
    make -C source/xen -j"$(nproc)"
    zcat source/xen/xen.gz >"$1/xen"
}

build_image() {
    step "hypervisor: Debian's source" get_source
    step "hypervisor: configuration" configure
    step "hypervisor: compile" compile "$1"
}
