# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs around libsr.

include tools/toolstack/Makefile.mk
include tools/xenguest/Makefile.mk
include tools/xsr/Makefile.mk
include tools/save-helper/Makefile.mk

# Completes what programs say in --help. That of fakexen is not installed, nor is fakexen.
dist_bashcompletion_DATA += tools/completion/xsr
EXTRA_DIST += tools/completion/fakexen
