# SPDX-License-Identifier: LGPL-2.1-or-later
# The xenstore of a fake host (linked into fakexen) and the fake libxenstore.so.4 that talks to it.

fakexen_store_common = \
    tests/fakexen/store/permissions.cpp \
    tests/fakexen/store/permissions.hpp \
    tests/fakexen/store/wire.cpp \
    tests/fakexen/store/wire.hpp \
    tests/fakexen/store/xenstore.hpp

fakexen_store_sources += \
    $(fakexen_store_common) \
    tests/fakexen/store/path.cpp \
    tests/fakexen/store/path.hpp \
    tests/fakexen/store/port.cpp \
    tests/fakexen/store/ring.cpp \
    tests/fakexen/store/ring.hpp \
    tests/fakexen/store/service.cpp \
    tests/fakexen/store/service.hpp \
    tests/fakexen/store/service_domains.cpp \
    tests/fakexen/store/service_nodes.cpp \
    tests/fakexen/store/store.cpp \
    tests/fakexen/store/store.hpp \
    tests/fakexen/store/tree.cpp \
    tests/fakexen/store/tree.hpp \
    tests/fakexen/store/watches.cpp \
    tests/fakexen/store/watches.hpp

# A shared object with the real one's soname, found through LD_LIBRARY_PATH. Never sanitized: stock programs
# load it too.
noinst_PROGRAMS += tests/fakexen/lib/libxenstore.so.4
tests_fakexen_lib_libxenstore_so_4_SOURCES = \
    $(fakexen_store_common) \
    tests/fakexen/protocol/client.cpp \
    tests/fakexen/protocol/packet.cpp \
    tests/fakexen/store/lib/connection.cpp \
    tests/fakexen/store/lib/connection.hpp \
    tests/fakexen/store/lib/strings.cpp \
    tests/fakexen/store/lib/strings.hpp \
    tests/fakexen/store/lib/xs.cpp \
    tests/fakexen/store/lib/xs_lib.cpp
tests_fakexen_lib_libxenstore_so_4_CXXFLAGS = -std=gnu++20 $(SR_CXXFLAGS) -Wno-pedantic -fPIC
tests_fakexen_lib_libxenstore_so_4_LDFLAGS = -XCClinker -shared -Wl,-soname,libxenstore.so.4 \
    -Wl,--version-script=$(top_srcdir)/tests/fakexen/store/lib/libxenstore.map -Wl,-z,defs
tests_fakexen_lib_libxenstore_so_4_DEPENDENCIES = tests/fakexen/store/lib/libxenstore.map
EXTRA_DIST += tests/fakexen/store/lib/libxenstore.map

UNIT_TESTS += tests/unit/fakexen_store_tests
tests_unit_fakexen_store_tests_SOURCES = \
    $(fakexen_store_sources) \
    tests/unit/fakexen_service_test.cpp \
    tests/unit/fakexen_store_test.cpp
tests_unit_fakexen_store_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_unit_fakexen_store_tests_CXXFLAGS = $(GNU_CXXFLAGS)
tests_unit_fakexen_store_tests_LDADD = $(GTEST_LIBS)
