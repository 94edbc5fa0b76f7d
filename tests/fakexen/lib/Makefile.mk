# SPDX-License-Identifier: LGPL-2.1-or-later
# The fake libraries, with the sonames and symbol versions of the real ones, found through LD_LIBRARY_PATH.
# Never sanitized: they load into any process, stock ones too.
fakexen_lib_common = \
    tests/fakexen/lib/connection.cpp \
    tests/fakexen/lib/connection.hpp \
    tests/fakexen/lib/gup_filter.cpp \
    tests/fakexen/lib/gup_filter.hpp \
    tests/fakexen/protocol/client.cpp \
    tests/fakexen/protocol/packet.cpp
fakexen_lib_cxxflags = -std=gnu++20 $(SR_CXXFLAGS) -Wno-pedantic -fPIC -fvisibility=hidden
fakexen_lib_ldflags = -XCClinker -shared -Wl,-z,defs -Wl,-z,nodelete

noinst_PROGRAMS += tests/fakexen/lib/libxencall.so.1 tests/fakexen/lib/libxenforeignmemory.so.1 \
    tests/fakexen/lib/libxengnttab.so.1

tests_fakexen_lib_libxencall_so_1_SOURCES = $(fakexen_lib_common) tests/fakexen/lib/xencall.cpp
tests_fakexen_lib_libxencall_so_1_CXXFLAGS = $(fakexen_lib_cxxflags)
tests_fakexen_lib_libxencall_so_1_LDFLAGS = $(fakexen_lib_ldflags) -Wl,-soname,libxencall.so.1 \
    -Wl,--version-script=$(top_srcdir)/tests/fakexen/lib/libxencall.map
tests_fakexen_lib_libxencall_so_1_DEPENDENCIES = tests/fakexen/lib/libxencall.map

tests_fakexen_lib_libxenforeignmemory_so_1_SOURCES = \
    $(fakexen_lib_common) \
    tests/fakexen/lib/window.cpp \
    tests/fakexen/lib/window.hpp \
    tests/fakexen/lib/xenforeignmemory.cpp
tests_fakexen_lib_libxenforeignmemory_so_1_CXXFLAGS = $(fakexen_lib_cxxflags)
tests_fakexen_lib_libxenforeignmemory_so_1_LDFLAGS = $(fakexen_lib_ldflags) \
    -Wl,-soname,libxenforeignmemory.so.1 \
    -Wl,--version-script=$(top_srcdir)/tests/fakexen/lib/libxenforeignmemory.map
tests_fakexen_lib_libxenforeignmemory_so_1_DEPENDENCIES = tests/fakexen/lib/libxenforeignmemory.map

tests_fakexen_lib_libxengnttab_so_1_SOURCES = \
    $(fakexen_lib_common) \
    tests/fakexen/lib/window.cpp \
    tests/fakexen/lib/window.hpp \
    tests/fakexen/lib/xengnttab.cpp
tests_fakexen_lib_libxengnttab_so_1_CXXFLAGS = $(fakexen_lib_cxxflags)
tests_fakexen_lib_libxengnttab_so_1_LDFLAGS = $(fakexen_lib_ldflags) -Wl,-soname,libxengnttab.so.1 \
    -Wl,--version-script=$(top_srcdir)/tests/fakexen/lib/libxengnttab.map
tests_fakexen_lib_libxengnttab_so_1_DEPENDENCIES = tests/fakexen/lib/libxengnttab.map

EXTRA_DIST += tests/fakexen/lib/libxencall.map tests/fakexen/lib/libxenforeignmemory.map \
    tests/fakexen/lib/libxengnttab.map
