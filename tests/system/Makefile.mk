# SPDX-License-Identifier: LGPL-2.1-or-later

# xsr, run as a user runs it
SYSTEM_TESTS += tests/system/xsr_look_test
tests_system_xsr_look_test_SOURCES = tests/system/xsr_look_test.cpp
tests_system_xsr_look_test_LDADD = libsystemtest.la libfakehost.la libsr-pure.la $(GTEST_LIBS)

SYSTEM_TESTS += tests/system/xsr_save_test
tests_system_xsr_save_test_SOURCES = tests/system/terminal_test.cpp tests/system/xsr_save_test.cpp
tests_system_xsr_save_test_LDADD = libfakehost.la $(XENSTORE_LIBS) $(GTEST_LIBS)

SYSTEM_TESTS += tests/system/xsr_grants_test
tests_system_xsr_grants_test_SOURCES = tests/system/xsr_grants_save_test.cpp tests/system/xsr_grants_test.cpp
tests_system_xsr_grants_test_LDADD = libsystemtest.la libfakehost.la libsr-pure.la $(GTEST_LIBS)

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

# The same program on libsr-xenguest: what a toolstack sees of that.
check_PROGRAMS += tests/system/xenguest-engine
tests_system_xenguest_engine_SOURCES = tests/system/stock_engine.cpp
tests_system_xenguest_engine_CPPFLAGS = $(tests_system_stock_engine_CPPFLAGS)
tests_system_xenguest_engine_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_xenguest_engine_LDADD = libsr-xenguest.la libtoolstack.la libsr-pure.la $(XENCTRL_LIBS) \
    $(XENTOOLLOG_LIBS) $(XENSTORE_LIBS)

# What several of them use, compiled once. The second has a main() of its own, which takes the fake libraries into its
# process.
check_LTLIBRARIES += libsystemtest.la libcapitest.la
libsystemtest_la_SOURCES = \
    tests/support/golden.cpp \
    tests/support/golden.hpp \
    tests/system/call_log.cpp \
    tests/system/call_log.hpp \
    tests/system/engines.cpp \
    tests/system/engines.hpp \
    tests/system/guest_kinds.hpp \
    tests/system/helper_fixture.hpp \
    tests/system/helper_support.cpp \
    tests/system/helper_support.hpp \
    tests/system/stream_pieces.cpp \
    tests/system/stream_pieces.hpp
libsystemtest_la_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"'
libcapitest_la_SOURCES = \
    tests/system/capi_support.cpp \
    tests/system/capi_support.hpp \
    tests/system/checkpoints.cpp \
    tests/system/checkpoints.hpp \
    tests/system/live_guest.cpp \
    tests/system/live_guest.hpp \
    tests/system/saved_guest.cpp \
    tests/system/saved_guest.hpp \
    tests/system/stepped_host.cpp \
    tests/system/stepped_host.hpp
libcapitest_la_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(XENCTRL_CFLAGS)
libcapitest_la_CXXFLAGS = $(GNU_CXXFLAGS)

SYSTEM_TESTS += tests/system/log_dirty_test
tests_system_log_dirty_test_SOURCES = tests/system/log_dirty_test.cpp
tests_system_log_dirty_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_log_dirty_test_LDADD = libsystemtest.la libfakehost.la $(GTEST_LIBS)

SYSTEM_TESTS += tests/system/guest_grants_test
tests_system_guest_grants_test_SOURCES = tests/system/guest_grants_test.cpp
tests_system_guest_grants_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_guest_grants_test_LDADD = libsystemtest.la libfakehost.la $(GTEST_LIBS)

SYSTEM_TESTS += tests/system/engine_tests tests/system/damage_tests tests/system/oddities_test
tests_system_oddities_test_SOURCES = tests/system/legacy_stream_test.cpp tests/system/oddities_test.cpp
tests_system_oddities_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_oddities_test_LDADD = libsystemtest.la libfakehost.la libsr-pure.la $(GTEST_LIBS)
tests_system_engine_tests_SOURCES = \
    tests/system/adopt_test.cpp \
    tests/system/host_refusals_test.cpp \
    tests/system/real_streams_test.cpp \
    tests/system/roundtrip_test.cpp \
    tests/system/stale_types_test.cpp
tests_system_engine_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_engine_tests_LDADD = libsystemtest.la libfakehost.la $(GTEST_LIBS)
tests_system_damage_tests_SOURCES = \
    tests/system/damaged_stream_test.cpp \
    tests/system/failing_calls_test.cpp \
    tests/system/stock_defects_test.cpp
tests_system_damage_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_damage_tests_LDADD = libsystemtest.la libfakehost.la libsr-pure.la $(GTEST_LIBS)

# libsr-xenguest, under a toolstack written for <xenguest.h>.
SYSTEM_TESTS += tests/system/xenguest_test
tests_system_xenguest_test_SOURCES = tests/system/xenguest_test.cpp
tests_system_xenguest_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_xenguest_test_LDADD = libsystemtest.la libfakehost.la libsr-pure.la $(GTEST_LIBS)

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
    tests/system/capi_save_test.cpp
tests_system_capi_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(XENCTRL_CFLAGS)
tests_system_capi_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_capi_test_LDADD = libcapitest.la libsystemtest.la libsr.la libfakehost.la libtoolstack.la \
    libsr-pure.la $(SR_XEN_LIBS) $(XENSTORE_LIBS) $(GTEST_LIBS)

# Grant tables: read, saved, checked by a restore.
SYSTEM_TESTS += tests/system/grants_test
tests_system_grants_test_SOURCES = \
    tests/system/grant_calls.cpp \
    tests/system/grant_calls.hpp \
    tests/system/grants_read_test.cpp \
    tests/system/played_domain.cpp \
    tests/system/played_domain.hpp
tests_system_grants_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(XENCTRL_CFLAGS)
tests_system_grants_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_grants_test_LDADD = libcapitest.la libsystemtest.la libsr.la libfakehost.la libfakexen-protocol.la \
    libtoolstack.la libsr-pure.la $(SR_XEN_LIBS) $(XENSTORE_LIBS) $(GTEST_LIBS)

SYSTEM_TESTS += tests/system/grants_save_test
tests_system_grants_save_test_SOURCES = \
    tests/system/grant_calls.cpp \
    tests/system/grant_calls.hpp \
    tests/system/grants_busy_test.cpp \
    tests/system/grants_save.hpp \
    tests/system/grants_save_test.cpp
tests_system_grants_save_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(XENCTRL_CFLAGS)
tests_system_grants_save_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_grants_save_test_LDADD = $(tests_system_capi_test_LDADD)

# Each call of the engines fails.
SYSTEM_TESTS += tests/system/fault_test
tests_system_fault_test_SOURCES = tests/system/fault_test.cpp
tests_system_fault_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_fault_test_LDADD = libsystemtest.la libfakehost.la $(GTEST_LIBS)

# The same through sr.h, each with each errno.
SYSTEM_TESTS += tests/system/sr_fault_test
tests_system_sr_fault_test_SOURCES = tests/system/sr_fault_test.cpp
tests_system_sr_fault_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_sr_fault_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_sr_fault_test_LDADD = $(tests_system_capi_test_LDADD)

# Streams in which pages come again: live, to be compared, checkpointed.
SYSTEM_TESTS += tests/system/restore_tests
tests_system_restore_tests_SOURCES = \
    tests/system/failover_test.cpp \
    tests/system/live_restore_test.cpp \
    tests/system/remus_limit_test.cpp \
    tests/system/remus_restore.hpp \
    tests/system/remus_restore_test.cpp \
    tests/system/restore_fault_test.cpp \
    tests/system/verify_restore_test.cpp
tests_system_restore_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_restore_tests_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_restore_tests_LDADD = $(tests_system_capi_test_LDADD)

# kill -9, ^C, SIGTERM at any moment.
SYSTEM_TESTS += tests/system/kill_test
tests_system_kill_test_SOURCES = tests/system/kill_test.cpp
tests_system_kill_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_kill_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_kill_test_LDADD = $(tests_system_capi_test_LDADD)

# The fake hypervisor under the real libxenctrl.
SYSTEM_TESTS += tests/system/hypercalls_test
tests_system_hypercalls_test_SOURCES = tests/system/hypercalls_test.cpp
tests_system_hypercalls_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_hypercalls_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_hypercalls_test_LDADD = libfakehost.la $(GTEST_LIBS) $(XENCTRL_LIBS) $(XENFOREIGNMEMORY_LIBS)
tests_system_hypercalls_test_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--disable-new-dtags -Wl,-rpath,$(abs_top_builddir)/tests/fakexen/lib

# Grants under the real libxenctrl and the fake libxengnttab.
SYSTEM_TESTS += tests/system/gnttab_test
tests_system_gnttab_test_SOURCES = tests/system/gnttab_test.cpp
tests_system_gnttab_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_gnttab_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_gnttab_test_LDADD = libfakehost.la $(GTEST_LIBS) $(XENCTRL_LIBS) $(XENFOREIGNMEMORY_LIBS) \
    $(XENGNTTAB_LIBS)
tests_system_gnttab_test_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--disable-new-dtags -Wl,-rpath,$(abs_top_builddir)/tests/fakexen/lib

# The host's side of what guest programs say.
SYSTEM_TESTS += tests/system/guest_calls_test
tests_system_guest_calls_test_SOURCES = tests/system/guest_calls_test.cpp
tests_system_guest_calls_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_guest_calls_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_guest_calls_test_LDADD = libfakehost.la libfakexen-protocol.la $(GTEST_LIBS) $(XENCTRL_LIBS)
tests_system_guest_calls_test_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--disable-new-dtags -Wl,-rpath,$(abs_top_builddir)/tests/fakexen/lib

# Memory that the engines take: measured by tests/bench/bench-run.
SYSTEM_TESTS += tests/system/memory_test
tests_system_memory_test_SOURCES = tests/system/memory_test.cpp
tests_system_memory_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_memory_test_LDADD = libfakehost.la $(GTEST_LIBS)

# Save helpers, libsr's and the stock one: a program that plays libxl's part, and what it is made to do.
check_PROGRAMS += tests/system/helper-driver
tests_system_helper_driver_SOURCES = \
    tests/system/helper_driver.cpp \
    tests/system/helper_process.cpp \
    tests/system/helper_process.hpp
tests_system_helper_driver_CPPFLAGS = $(AM_CPPFLAGS)
tests_system_helper_driver_LDADD = libtoolstack.la libsr-pure.la $(XENCTRL_LIBS) $(XENTOOLLOG_LIBS) $(XENSTORE_LIBS)

SYSTEM_TESTS += tests/system/helper_matrix_test
tests_system_helper_matrix_test_SOURCES = tests/system/helper_matrix_test.cpp
tests_system_helper_matrix_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_helper_matrix_test_LDADD = libsystemtest.la libfakehost.la $(GTEST_LIBS)

# Guests that are saved while they run.
SYSTEM_TESTS += tests/system/live_test
tests_system_live_test_SOURCES = tests/system/live_save_test.cpp
tests_system_live_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_live_test_LDADD = libsystemtest.la libfakehost.la $(GTEST_LIBS)

# The same through sr.h, step by step.
SYSTEM_TESTS += tests/system/live_capi_test
tests_system_live_capi_test_SOURCES = \
    tests/system/live_capi_test.cpp \
    tests/system/live_fault_test.cpp \
    tests/system/live_moves_test.cpp \
    tests/system/live_streams_test.cpp \
    tests/system/live_threads_test.cpp \
    tests/system/outside_p2m.cpp \
    tests/system/outside_p2m.hpp
tests_system_live_capi_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(XENCTRL_CFLAGS)
tests_system_live_capi_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_system_live_capi_test_LDADD = $(tests_system_capi_test_LDADD)

SYSTEM_TESTS += tests/system/helper_failure_test
tests_system_helper_failure_test_SOURCES = \
    tests/system/helper_failure_test.cpp \
    tests/system/helper_grants_test.cpp \
    tests/system/helper_live_failure_test.cpp \
    tests/system/helper_mark_test.cpp
tests_system_helper_failure_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_system_helper_failure_test_LDADD = libsystemtest.la libfakehost.la libsr-pure.la $(GTEST_LIBS)
