# SPDX-License-Identifier: LGPL-2.1-or-later
# fakexen-guest: the paravirtual kernel that lives on a fake host, and its domain builder.
