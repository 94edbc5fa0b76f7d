# SPDX-License-Identifier: LGPL-2.1-or-later

# xsr, run as a user runs it
SYSTEM_TESTS += tests/system/xsr_look_test
tests_system_xsr_look_test_SOURCES = \
    tests/support/golden.cpp \
    tests/support/golden.hpp \
    tests/system/run_program.cpp \
    tests/system/run_program.hpp \
    tests/system/xsr_look_test.cpp
tests_system_xsr_look_test_CPPFLAGS = $(AM_CPPFLAGS) -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"'
tests_system_xsr_look_test_LDADD = libsr-pure.la $(GTEST_LIBS)

# The guest on a fake host.
SYSTEM_TESTS += tests/system/guest_test
tests_system_guest_test_SOURCES = tests/system/guest_test.cpp
tests_system_guest_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_guest_test_LDADD = libfakehost.la $(GTEST_LIBS)
