# SPDX-License-Identifier: LGPL-2.1-or-later
# The Xen host in user space. Its programs and libraries are never installed.

# Sources of the xenstore, which lives inside the host: tests/fakexen/store adds to this, `fakexen` links it.
fakexen_store_sources =

include tests/fakexen/protocol/Makefile.mk
include tests/fakexen/store/Makefile.mk
include tests/fakexen/guest/Makefile.mk
include tests/fakexen/host/Makefile.mk
include tests/fakexen/lib/Makefile.mk
include tests/fakexen/cli/Makefile.mk
