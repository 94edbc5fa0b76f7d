# SPDX-License-Identifier: LGPL-2.1-or-later

include tests/fakexen/store/Makefile.mk
include tests/fakexen/guest/Makefile.mk
