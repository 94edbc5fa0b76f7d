# SPDX-License-Identifier: LGPL-2.1-or-later
# The fake Xen host and the tests. `make check` runs them all and ends with "N passed, N failed".

include tests/fakexen/Makefile.mk
include tests/support/Makefile.mk
include tests/unit/Makefile.mk
include tests/system/Makefile.mk
include tests/fuzz/Makefile.mk
include tests/bench/Makefile.mk
include tests/xenhost/Makefile.mk

check_PROGRAMS += $(UNIT_TESTS) $(SYSTEM_TESTS)
SCRIPT_TESTS += tests/check-completion.sh tests/check-includes.sh tests/check-manuals.py tests/check-style.sh \
    tests/check-symbols.sh
EXTRA_DIST += tests/run-tests $(SCRIPT_TESTS)

# `make check RUN_TESTS='$(UNIT_TESTS)'` builds all of them and runs the quick ones.
RUN_TESTS = $(UNIT_TESTS) $(SYSTEM_TESTS)
check-local: all
	@$(PYTHON3) $(top_srcdir)/tests/run-tests --top-srcdir $(top_srcdir) \
	    $(RUN_TESTS) $(addprefix $(top_srcdir)/,$(SCRIPT_TESTS))

# Tests that call the library's threads in their own process: what a build with --enable-sanitizers=thread is for.
# SR_PROGRAM_DIR is a build directory with all programs; they need not be sanitized.
THREADED_TESTS = tests/system/capi_test tests/system/live_capi_test tests/system/sr_fault_test
SR_PROGRAM_DIR = $(abs_top_builddir)
check-threads: $(THREADED_TESTS)
	@cd "$(SR_PROGRAM_DIR)" && $(PYTHON3) $(abs_top_srcdir)/tests/run-tests --top-srcdir $(abs_top_srcdir) \
	    $(addprefix $(abs_top_builddir)/,$(THREADED_TESTS))
.PHONY: check-threads

# What a user of the installed library does: a ten-line C program, built by pkg-config's word.
EXTRA_DIST += tests/install/check-install tests/install/version.c tests/install/xenguest.c
installcheck-local:
	@CC="$(CC)" CXX="$(CXX)" SANITIZE="$(SR_SANITIZE)" $(top_srcdir)/tests/install/check-install "$(DESTDIR)" "$(libdir)"

# A running guest goes from one fake host to another.
EXTRA_DIST += tests/demo/demo
demo: all
	@$(top_srcdir)/tests/demo/demo $(abs_top_builddir)

# clang-format and clang-tidy over what we wrote; CHECK=format or CHECK=tidy does one of them.
EXTRA_DIST += tests/lint .clang-format .clang-tidy
lint:
	@SR_TOP_BUILDDIR=$(abs_top_builddir) XEN_CFLAGS="$(XEN_CFLAGS)" $(top_srcdir)/tests/lint $(CHECK)
.PHONY: demo lint
