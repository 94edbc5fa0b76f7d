# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# What guests boot into: busybox, and a program that dirties memory and checks what it wrote. One file: initrd.
packages=(cpio gcc libc6-dev dpkg-dev)
made_of=(guest/init guest/work.c)
versions=(busybox-static)

make_initrd() {
    unpack_packages debian busybox-static
    mkdir -p root/bin
    install debian/bin/busybox root/bin/
    ln -s busybox root/bin/sh
    install "$here/guest/init" root/init
    gcc -std=gnu11 -O2 -fno-tree-vectorize -Wall -Wextra -Werror -static -pthread -o root/work "$here/guest/work.c"
    (cd root && find . | cpio -o -H newc --quiet | gzip -9) >"$1/initrd"
}

build_image() { step "guest's initrd" make_initrd "$1"; }
