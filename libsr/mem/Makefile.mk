# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_pure_sources +=
