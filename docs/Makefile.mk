# SPDX-License-Identifier: LGPL-2.1-or-later
dist_doc_DATA += README.md docs/architecture.md
