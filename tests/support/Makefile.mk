# SPDX-License-Identifier: LGPL-2.1-or-later
EXTRA_DIST += tests/golden

# Commands, fake hosts and their guests, for system tests; link it with $(GTEST_LIBS).
check_LTLIBRARIES += libfakehost.la
libfakehost_la_SOURCES = \
    tests/support/command.cpp \
    tests/support/command.hpp \
    tests/support/fakehost.cpp \
    tests/support/fakehost.hpp \
    tests/support/json.cpp \
    tests/support/json.hpp
libfakehost_la_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
