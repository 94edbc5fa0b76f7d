# SPDX-License-Identifier: LGPL-2.1-or-later
# fakexen-guest: the paravirtual kernel that lives on a fake host, and its domain builder.

fakexen_guest_sources = \
    $(fakexen_store_common) \
    tests/fakexen/guest/abi.cpp \
    tests/fakexen/guest/abi.hpp \
    tests/fakexen/guest/address_space.cpp \
    tests/fakexen/guest/address_space.hpp \
    tests/fakexen/guest/balloon.cpp \
    tests/fakexen/guest/balloon.hpp \
    tests/fakexen/guest/builder.cpp \
    tests/fakexen/guest/builder.hpp \
    tests/fakexen/guest/builder_store.cpp \
    tests/fakexen/guest/commands.cpp \
    tests/fakexen/guest/commands.hpp \
    tests/fakexen/guest/compat_context.cpp \
    tests/fakexen/guest/compat_context.hpp \
    tests/fakexen/guest/exchange.cpp \
    tests/fakexen/guest/exchange.hpp \
    tests/fakexen/guest/grant_check.cpp \
    tests/fakexen/guest/grant_check.hpp \
    tests/fakexen/guest/grant_mapper.cpp \
    tests/fakexen/guest/grant_mapper.hpp \
    tests/fakexen/guest/grant_records.cpp \
    tests/fakexen/guest/grant_records.hpp \
    tests/fakexen/guest/grant_table.cpp \
    tests/fakexen/guest/grant_table.hpp \
    tests/fakexen/guest/granter.cpp \
    tests/fakexen/guest/granter.hpp \
    tests/fakexen/guest/grants.cpp \
    tests/fakexen/guest/grants.hpp \
    tests/fakexen/guest/kernel.cpp \
    tests/fakexen/guest/kernel.hpp \
    tests/fakexen/guest/machine.cpp \
    tests/fakexen/guest/machine.hpp \
    tests/fakexen/guest/p2m_moves.cpp \
    tests/fakexen/guest/p2m_moves.hpp \
    tests/fakexen/guest/p2m_publish.cpp \
    tests/fakexen/guest/p2m_publish.hpp \
    tests/fakexen/guest/page_tables.cpp \
    tests/fakexen/guest/page_tables.hpp \
    tests/fakexen/guest/pages.cpp \
    tests/fakexen/guest/pages.hpp \
    tests/fakexen/guest/plan.cpp \
    tests/fakexen/guest/plan.hpp \
    tests/fakexen/guest/processes.cpp \
    tests/fakexen/guest/processes.hpp \
    tests/fakexen/guest/random.hpp \
    tests/fakexen/guest/run.cpp \
    tests/fakexen/guest/run.hpp \
    tests/fakexen/guest/spoil.cpp \
    tests/fakexen/guest/spoil.hpp \
    tests/fakexen/guest/state.hpp \
    tests/fakexen/guest/store_ring.cpp \
    tests/fakexen/guest/store_ring.hpp \
    tests/fakexen/guest/suspend.cpp \
    tests/fakexen/guest/suspend.hpp \
    tests/fakexen/guest/toolstack.cpp \
    tests/fakexen/guest/toolstack.hpp \
    tests/fakexen/guest/vcpu_constants.cpp \
    tests/fakexen/guest/vcpu_constants.hpp \
    tests/fakexen/guest/vcpu_info.cpp \
    tests/fakexen/guest/vcpu_info.hpp \
    tests/fakexen/guest/vcpu_state.cpp \
    tests/fakexen/guest/vcpu_state.hpp \
    tests/fakexen/guest/vcpus.cpp \
    tests/fakexen/guest/vcpus.hpp \
    tests/fakexen/guest/verify.cpp \
    tests/fakexen/guest/verify.hpp

noinst_PROGRAMS += tests/fakexen/fakexen-guest
tests_fakexen_fakexen_guest_SOURCES = $(fakexen_guest_sources) tests/fakexen/guest/main.cpp
tests_fakexen_fakexen_guest_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS)
tests_fakexen_fakexen_guest_CXXFLAGS = $(GNU_CXXFLAGS)
tests_fakexen_fakexen_guest_LDADD = libfakexen-protocol.la \
    $(XENGUEST_LIBS) $(XENCTRL_LIBS) $(XENFOREIGNMEMORY_LIBS) $(XENSTORE_LIBS)
# Always over the fake libraries, with LD_LIBRARY_PATH or without. The old kind of path also counts for the libraries
# that libxenctrl needs.
tests_fakexen_fakexen_guest_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--disable-new-dtags -Wl,-rpath,$(abs_top_builddir)/tests/fakexen/lib

UNIT_TESTS += tests/unit/fakexen_guest_tests
tests_unit_fakexen_guest_tests_SOURCES = \
    tests/fakexen/guest/abi.cpp \
    tests/fakexen/guest/abi.hpp \
    tests/fakexen/guest/compat_context.cpp \
    tests/fakexen/guest/compat_context.hpp \
    tests/fakexen/guest/page_tables.cpp \
    tests/fakexen/guest/page_tables.hpp \
    tests/fakexen/guest/plan.cpp \
    tests/fakexen/guest/plan.hpp \
    tests/unit/fakexen_guest_test.cpp
tests_unit_fakexen_guest_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_unit_fakexen_guest_tests_CXXFLAGS = $(GNU_CXXFLAGS)
tests_unit_fakexen_guest_tests_LDADD = $(GTEST_LIBS)
