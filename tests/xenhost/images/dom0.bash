# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# The control domain: Debian with the stock toolstack. Files: vmlinuz, initrd, disk (ext4), and vmlinux, the same kernel
# unpacked, for guests.
packages=(debootstrap cpio kmod e2fsprogs gzip python3 dpkg-dev)
made_of=(dom0/init dom0/initramfs-init images/unpack-kernel)
versions=(linux-image-amd64 xen-utils-4.17)
dom0_packages=(iproute2 kmod procps python3 strace udev xen-utils-4.17 xen-utils-common xenstore-utils)
disk_size=2G

# Most of a kernel's modules are drivers of what QEMU does not show it.
no_modules=(kernel/sound kernel/drivers/{gpu,media,infiniband,scsi,usb,iio,hwmon,staging,hid,platform,input,ata,md}
    kernel/drivers/net/{ethernet,wireless,usb})
initrd_modules=(virtio_pci virtio_blk crc32c_generic ext4 9pnet_virtio 9p)

kernel_version() { basename kernel/boot/vmlinuz-* | sed 's/^vmlinuz-//'; }
in_root() { chroot root env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

bootstrap_debian() {
    mkdir -p "$cache/debs"
    local tries=1
    until debootstrap --variant=minbase --cache-dir="$cache/debs" "$release" root "$mirror"; do
        [ $((++tries)) -le 3 ]
        rm -rf root
    done
    debian_sources deb >root/etc/apt/sources.list.d/debian.sources
    : >root/etc/apt/sources.list
    # No daemon starts while packages are installed.
    printf '#!/bin/sh\nexit 101\n' >root/usr/sbin/policy-rc.d
    chmod +x root/usr/sbin/policy-rc.d
}

# The security pocket too: the tools and the hypervisor are of one version.
install_packages() {
    in_root apt-get -qq -o Acquire::Retries=3 update
    in_root apt-get -qq -y -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io --no-install-recommends install \
        "${dom0_packages[@]}"
    rm -rf root/var/cache/apt root/var/lib/apt/lists root/usr/share/{doc,man,locale}
}

unpack_kernel() {
    local name version
    name=$(own_apt apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" { print $2 }')
    unpack_packages kernel "$name" busybox-static
    version=$(kernel_version)
    cp "kernel/boot/vmlinuz-$version" "$1/vmlinuz"
    "$here/images/unpack-kernel" "$1/vmlinuz" "$1/vmlinux"
    depmod -b kernel "$version"
    mkdir -p root/lib/modules
    tar -C kernel/lib/modules -cf - "${no_modules[@]/#/--exclude=$version/}" "$version" | tar -C root/lib/modules -xf -
    depmod -b root "$version"
}

# make_initrd DIRECTORY: what finds the disk and goes on there.
make_initrd() {
    mkdir -p initrd/{bin,modules}
    install kernel/bin/busybox initrd/bin/
    install "$here/dom0/initramfs-init" initrd/init
    local module version
    version=$(kernel_version)
    for module in "${initrd_modules[@]}"; do
        modprobe -d "$PWD/kernel" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >modules
    # shellcheck disable=SC2046  # names of modules have no blanks
    cp $(cat modules) initrd/modules/
    sed 's,.*/,,' modules >initrd/modules/order
    (cd initrd && find . | cpio -o -H newc --quiet | gzip -1) >"$1/initrd"
}

make_disk() {
    install "$here/dom0/init" root/xenhost-init
    truncate -s "$disk_size" "$1/disk"
    mke2fs -q -t ext4 -O ^has_journal -d root "$1/disk"
}

build_image() {
    step "dom0: debootstrap" bootstrap_debian
    step "dom0: packages" install_packages
    step "dom0: kernel" unpack_kernel "$1"
    step "dom0: initrd" make_initrd "$1"
    step "dom0: disk" make_disk "$1"
}
