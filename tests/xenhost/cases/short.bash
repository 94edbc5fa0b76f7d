# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What CI runs: libsr on both sides, a guest that needs no kernel built for it.
guests debian
stands_aside
add short-save "xl save and xl restore by libsr" save_and_restore libsr libsr
add short-migrate "xl migrate, libsr on both sides" migrate libsr libsr
