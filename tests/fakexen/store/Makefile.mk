# SPDX-License-Identifier: LGPL-2.1-or-later
# The xenstore of a fake host (linked into fakexen) and the fake libxenstore.so.4 that talks to it.
