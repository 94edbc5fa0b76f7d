# SPDX-License-Identifier: LGPL-2.1-or-later
# Real Xen under QEMU. `make check-xenhost` tries there what `make install-exec` installs, beneath the stock toolstack;
# CASES='...' chooses, by names of cases or of files of them, or patterns.

include tests/xenhost/calls/Makefile.mk

EXTRA_DIST += \
    tests/xenhost/README.md \
    tests/xenhost/build \
    tests/xenhost/cases/adverse.bash \
    tests/xenhost/cases/calls.bash \
    tests/xenhost/cases/chain-1.bash \
    tests/xenhost/cases/chain-2.bash \
    tests/xenhost/cases/debian.bash \
    tests/xenhost/cases/grants.bash \
    tests/xenhost/cases/libvirt.bash \
    tests/xenhost/cases/long.bash \
    tests/xenhost/cases/matrix.bash \
    tests/xenhost/cases/refuse.bash \
    tests/xenhost/cases/short.bash \
    tests/xenhost/cases/xsr.bash \
    tests/xenhost/check \
    tests/xenhost/common.bash \
    tests/xenhost/dom0/init \
    tests/xenhost/dom0/initramfs-init \
    tests/xenhost/dom0/lib.bash \
    tests/xenhost/dom0/moves.bash \
    tests/xenhost/dom0/privcmd-trace \
    tests/xenhost/dom0/run-cases \
    tests/xenhost/guest/init \
    tests/xenhost/guest/tiny.defconfig \
    tests/xenhost/guest/work.c \
    tests/xenhost/images/dom0-full.bash \
    tests/xenhost/images/dom0.bash \
    tests/xenhost/images/guest.bash \
    tests/xenhost/images/tiny.bash \
    tests/xenhost/images/unpack-kernel \
    tests/xenhost/images/xen.bash \
    tests/xenhost/run \
    tests/xenhost/through-fakexen

check-xenhost: all
	@set -f; $(top_srcdir)/tests/xenhost/check $(abs_top_builddir) $(CASES)
.PHONY: check-xenhost
