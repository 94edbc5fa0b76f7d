# SPDX-License-Identifier: LGPL-2.1-or-later
dist_doc_DATA += README.md docs/architecture.md docs/drop-in.md docs/numbers.md docs/stream-extensions.md
dist_man_MANS += \
    docs/libsr-save-helper.8 \
    docs/libsr-xenguest.3 \
    docs/xsr.1 \
    docs/xsr-destroy.1 \
    docs/xsr-diff.1 \
    docs/xsr-grants.1 \
    docs/xsr-info.1 \
    docs/xsr-list.1 \
    docs/xsr-restore.1 \
    docs/xsr-resume.1 \
    docs/xsr-save.1 \
    docs/xsr-show.1 \
    docs/xsr-verify.1

# For `man docs/fakexen.1`: the fake host is not installed.
EXTRA_DIST += docs/fakexen.1 docs/fakexen-guest.1
