# SPDX-License-Identifier: LGPL-2.1-or-later
# The fakexen command, which is also the host.
noinst_PROGRAMS += tests/fakexen/fakexen
tests_fakexen_fakexen_SOURCES = \
    $(fakexen_store_sources) \
    tests/fakexen/cli/control.cpp \
    tests/fakexen/cli/control.hpp \
    tests/fakexen/cli/file_log.cpp \
    tests/fakexen/cli/file_log.hpp \
    tests/fakexen/cli/main.cpp \
    tests/fakexen/cli/options.hpp \
    tests/fakexen/cli/start.cpp
tests_fakexen_fakexen_CXXFLAGS = $(GNU_CXXFLAGS)
tests_fakexen_fakexen_LDADD = libfakexen-host.la libfakexen-protocol.la libsr-pure.la
