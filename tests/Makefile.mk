# SPDX-License-Identifier: LGPL-2.1-or-later
# The fake Xen host and the tests. `make check` runs them all and ends with "N passed, N failed".

include tests/fakexen/Makefile.mk
include tests/support/Makefile.mk
include tests/unit/Makefile.mk
include tests/system/Makefile.mk

check_PROGRAMS += $(UNIT_TESTS) $(SYSTEM_TESTS)
EXTRA_DIST += tests/run-tests $(SCRIPT_TESTS)

check-local: all
	@$(PYTHON3) $(top_srcdir)/tests/run-tests --top-srcdir $(top_srcdir) \
	    $(UNIT_TESTS) $(SYSTEM_TESTS) $(addprefix $(top_srcdir)/,$(SCRIPT_TESTS))
