# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# The control domain with libvirt and a device model: for the cases that need one of them, and too large for CI.
. "$here/images/dom0.bash"
made_of+=(images/dom0.bash)
versions+=(libvirt-daemon-driver-xen)
dom0_packages+=(qemu-system-xen seabios ipxe-qemu libvirt-daemon libvirt-daemon-driver-xen libvirt-clients)
