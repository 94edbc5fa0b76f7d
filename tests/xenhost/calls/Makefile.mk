# SPDX-License-Identifier: LGPL-2.1-or-later
# One program of hypercalls and foreign mappings, for dom0 of a real Xen and for fakexen. `make check` compares what it
# prints over fakexen with xen-4.17.txt, which was recorded on Xen; the case `calls` of `make check-xenhost` records anew.
noinst_PROGRAMS += tests/xenhost/calls/calls
tests_xenhost_calls_calls_SOURCES = \
    tests/xenhost/calls/creation.cpp \
    tests/xenhost/calls/domain.cpp \
    tests/xenhost/calls/domain.hpp \
    tests/xenhost/calls/end.cpp \
    tests/xenhost/calls/entries.cpp \
    tests/xenhost/calls/events.cpp \
    tests/xenhost/calls/grant_maps.cpp \
    tests/xenhost/calls/grants.cpp \
    tests/xenhost/calls/grants.hpp \
    tests/xenhost/calls/host.cpp \
    tests/xenhost/calls/log_dirty.cpp \
    tests/xenhost/calls/machine.cpp \
    tests/xenhost/calls/machine.hpp \
    tests/xenhost/calls/main.cpp \
    tests/xenhost/calls/mappings.cpp \
    tests/xenhost/calls/memory.cpp \
    tests/xenhost/calls/pae.cpp \
    tests/xenhost/calls/sections.hpp \
    tests/xenhost/calls/settings.cpp \
    tests/xenhost/calls/tables.cpp \
    tests/xenhost/calls/updates.cpp \
    tests/xenhost/calls/vcpus.cpp
tests_xenhost_calls_calls_CPPFLAGS = $(AM_CPPFLAGS) $(XENCALL_CFLAGS) $(XENFOREIGNMEMORY_CFLAGS)
tests_xenhost_calls_calls_CXXFLAGS = -std=gnu++20 $(SR_CXXFLAGS) -Wno-pedantic
tests_xenhost_calls_calls_LDADD = $(XENCALL_LIBS) $(XENFOREIGNMEMORY_LIBS)

SCRIPT_TESTS += tests/xenhost/calls/check-calls.py
EXTRA_DIST += \
    tests/xenhost/calls/compare.py \
    tests/xenhost/calls/differences \
    tests/xenhost/calls/xen-4.17.txt
