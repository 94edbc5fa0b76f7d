# SPDX-License-Identifier: LGPL-2.1-or-later

# xsr, run as a user runs it
SYSTEM_TESTS += tests/system/xsr_look_test
tests_system_xsr_look_test_SOURCES = \
    tests/support/golden.cpp \
    tests/support/golden.hpp \
    tests/system/xsr_look_test.cpp
tests_system_xsr_look_test_CPPFLAGS = $(AM_CPPFLAGS) -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"'
tests_system_xsr_look_test_LDADD = libfakehost.la libsr-pure.la $(GTEST_LIBS)

SYSTEM_TESTS += tests/system/xsr_save_test
tests_system_xsr_save_test_SOURCES = tests/system/xsr_save_test.cpp
tests_system_xsr_save_test_LDADD = libfakehost.la $(XENSTORE_LIBS) $(GTEST_LIBS)

# The guest on a fake host.
SYSTEM_TESTS += tests/system/guest_test
tests_system_guest_test_SOURCES = tests/system/guest_test.cpp
tests_system_guest_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_guest_test_LDADD = libfakehost.la $(GTEST_LIBS)

# The engines, libsr's and the stock one, over fake hosts.
check_PROGRAMS += tests/system/stock-engine
tests_system_stock_engine_SOURCES = tests/system/stock_engine.cpp
tests_system_stock_engine_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS) $(XENGUEST_CFLAGS)
tests_system_stock_engine_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_stock_engine_LDADD = libtoolstack.la libsr-pure.la $(XENGUEST_LIBS) $(XENCTRL_LIBS) $(XENTOOLLOG_LIBS) \
    $(XENSTORE_LIBS)

engine_test_support = \
    tests/system/engines.cpp \
    tests/system/engines.hpp

SYSTEM_TESTS += tests/system/engine_tests tests/system/damage_tests
tests_system_engine_tests_SOURCES = \
    $(engine_test_support) \
    tests/system/real_streams_test.cpp \
    tests/system/roundtrip_test.cpp
tests_system_engine_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_engine_tests_LDADD = libfakehost.la $(GTEST_LIBS)
tests_system_damage_tests_SOURCES = \
    $(engine_test_support) \
    tests/system/damaged_stream_test.cpp \
    tests/system/failing_calls_test.cpp \
    tests/system/stock_defects_test.cpp \
    tests/system/stream_pieces.cpp \
    tests/system/stream_pieces.hpp
tests_system_damage_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_damage_tests_LDADD = libfakehost.la libsr-pure.la $(GTEST_LIBS)

# The fake libxenstore.so.4, linked as any toolstack links it.
SYSTEM_TESTS += tests/system/xenstore_test
tests_system_xenstore_test_SOURCES = tests/system/xenstore_test.cpp
tests_system_xenstore_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_xenstore_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_xenstore_test_LDADD = libfakehost.la $(GTEST_LIBS) $(XENSTORE_LIBS)
tests_system_xenstore_test_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--disable-new-dtags -Wl,-rpath,$(abs_top_builddir)/tests/fakexen/lib

# sr.h, called by this process as a toolstack calls it.
SYSTEM_TESTS += tests/system/capi_test
tests_system_capi_test_SOURCES = \
    tests/system/capi_fuzz_test.cpp \
    tests/system/capi_hostile_test.cpp \
    tests/system/capi_restore_test.cpp \
    tests/system/capi_save_test.cpp \
    tests/system/capi_support.cpp \
    tests/system/capi_support.hpp \
    tests/system/stream_pieces.cpp \
    tests/system/stream_pieces.hpp
tests_system_capi_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(XENCTRL_CFLAGS)
tests_system_capi_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_capi_test_LDADD = libsr.la libfakehost.la libtoolstack.la libsr-pure.la $(SR_XEN_LIBS) $(XENSTORE_LIBS) \
    $(GTEST_LIBS)

# Each call of the engines fails.
SYSTEM_TESTS += tests/system/fault_test
tests_system_fault_test_SOURCES = $(engine_test_support) tests/system/fault_test.cpp
tests_system_fault_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_fault_test_LDADD = libfakehost.la $(GTEST_LIBS)

# The fake hypervisor under the real libxenctrl.
SYSTEM_TESTS += tests/system/hypercalls_test
tests_system_hypercalls_test_SOURCES = tests/system/hypercalls_test.cpp
tests_system_hypercalls_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_hypercalls_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_hypercalls_test_LDADD = libfakehost.la $(GTEST_LIBS) $(XENCTRL_LIBS) $(XENFOREIGNMEMORY_LIBS)
tests_system_hypercalls_test_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--disable-new-dtags -Wl,-rpath,$(abs_top_builddir)/tests/fakexen/lib
