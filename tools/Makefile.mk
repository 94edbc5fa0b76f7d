# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs around libsr.

include tools/toolstack/Makefile.mk
include tools/xsr/Makefile.mk
