# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# A Linux that runs as a paravirtual guest of 24 MiB, from Debian's source. One file: vmlinux.
packages=(bison flex bc gcc make libc6-dev libelf-dev libssl-dev xz-utils dpkg-dev)
made_of=(guest/tiny.defconfig)
versions=(linux-source-6.1)

get_source() {
    unpack_packages debian linux-source-6.1
    tar -xf debian/usr/src/linux-source-6.1.tar.xz
    cp "$here/guest/tiny.defconfig" linux-source-6.1/arch/x86/configs/tiny_xen_defconfig
}

compile() {
    make -C linux-source-6.1 tiny_xen_defconfig
    make -C linux-source-6.1 -j"$(nproc)" vmlinux
    objcopy -S linux-source-6.1/vmlinux "$1/vmlinux"
}

build_image() {
    step "small guest kernel: Debian's source" get_source
    step "small guest kernel: compile" compile "$1"
}
