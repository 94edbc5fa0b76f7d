# SPDX-License-Identifier: LGPL-2.1-or-later

# base and mem
UNIT_TESTS += tests/unit/base_tests tests/unit/mem_tests
tests_unit_base_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/unit/base_bitmap_test.cpp \
    tests/unit/base_error_test.cpp \
    tests/unit/base_fd_io_test.cpp \
    tests/unit/base_sparse_array_test.cpp \
    tests/unit/base_worker_test.cpp
tests_unit_base_tests_LDADD = libsr-pure.la $(GTEST_LIBS)
tests_unit_mem_tests_SOURCES = \
    tests/unit/mem_grant_entry_test.cpp \
    tests/unit/mem_guest_abi_test.cpp \
    tests/unit/mem_localise_test.cpp \
    tests/unit/mem_normalise_test.cpp \
    tests/unit/mem_p2m_discovery_test.cpp \
    tests/unit/mem_p2m_test.cpp \
    tests/unit/mem_page_type_test.cpp \
    tests/unit/mem_pfn_room_test.cpp \
    tests/unit/mem_pte_test.cpp \
    tests/unit/mem_start_info_test.cpp \
    tests/unit/mem_support.hpp \
    tests/unit/mem_table_reach_test.cpp \
    tests/unit/mem_vcpu_context_test.cpp
tests_unit_mem_tests_LDADD = libsr-pure.la $(GTEST_LIBS)

# wire
UNIT_TESTS += tests/unit/wire_tests
tests_unit_wire_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/support/golden.cpp \
    tests/support/golden.hpp \
    tests/unit/wire_container_test.cpp \
    tests/unit/wire_decode_test.cpp \
    tests/unit/wire_encode_test.cpp \
    tests/unit/wire_grants_test.cpp \
    tests/unit/wire_order_test.cpp \
    tests/unit/wire_record_type_test.cpp \
    tests/unit/wire_stream_test.cpp
tests_unit_wire_tests_CPPFLAGS = $(AM_CPPFLAGS) -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"'
tests_unit_wire_tests_LDADD = libsr-pure.la $(GTEST_LIBS)

# what needs Xen's headers, and the C ABI
UNIT_TESTS += tests/unit/xen_tests tests/unit/capi_tests
tests_unit_xen_tests_SOURCES = tests/unit/xen_layout_test.cpp
tests_unit_xen_tests_CXXFLAGS = $(GNU_CXXFLAGS) -Wno-invalid-offsetof
tests_unit_xen_tests_LDADD = libsr-pure.la $(GTEST_LIBS)
tests_unit_capi_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/unit/capi_structs_test.cpp
tests_unit_capi_tests_LDADD = libsr.la libsr-pure.la $(GTEST_LIBS)

# save: what of it needs no hypervisor
UNIT_TESTS += tests/unit/save_tests
tests_unit_save_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/unit/mem_support.hpp \
    tests/unit/save_precopy_test.cpp \
    tests/unit/save_sets_test.cpp \
    tests/unit/save_stale_types_test.cpp
tests_unit_save_tests_LDADD = libsr-core.la $(SR_XEN_LIBS) $(GTEST_LIBS)

# restore: what of it needs no hypervisor
UNIT_TESTS += tests/unit/restore_tests
tests_unit_restore_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/unit/restore_page_buffer_test.cpp
tests_unit_restore_tests_LDADD = libsr-core.la $(SR_XEN_LIBS) $(GTEST_LIBS)

# verify
UNIT_TESTS += tests/unit/verify_tests
tests_unit_verify_tests_SOURCES = \
    tests/support/golden.cpp \
    tests/support/golden.hpp \
    tests/unit/verify_grants_test.cpp \
    tests/unit/verify_hostile_test.cpp \
    tests/unit/verify_real_test.cpp \
    tests/unit/verify_semantics_test.cpp \
    tests/unit/verify_stream_test.cpp \
    tests/unit/verify_support.hpp
tests_unit_verify_tests_CPPFLAGS = $(AM_CPPFLAGS) -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"'
tests_unit_verify_tests_LDADD = libsr-pure.la $(GTEST_LIBS)

# xsr and its toolstack
UNIT_TESTS += tests/unit/xsr_tests
tests_unit_xsr_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/unit/toolstack_config_test.cpp \
    tests/unit/xsr_fields_test.cpp \
    tests/unit/xsr_grants_test.cpp \
    tests/unit/xsr_progress_test.cpp \
    tests/unit/xsr_units_test.cpp
tests_unit_xsr_tests_LDADD = libxsr.la libtoolstack.la libsr-pure.la libsr.la $(GTEST_LIBS)

# the hypervisor of fakexen, in process
UNIT_TESTS += tests/unit/fakexen_tests
tests_unit_fakexen_tests_SOURCES = \
    tests/unit/fakexen_counts_test.cpp \
    tests/unit/fakexen_foreign_maps_test.cpp \
    tests/unit/fakexen_free_frames_test.cpp \
    tests/unit/fakexen_page_types_test.cpp \
    tests/unit/fakexen_grant_acquire_test.cpp \
    tests/unit/fakexen_grant_support.hpp \
    tests/unit/fakexen_grant_test.cpp \
    tests/unit/fakexen_grant_version_test.cpp \
    tests/unit/fakexen_pae_test.cpp \
    tests/unit/fakexen_support.hpp \
    tests/unit/fakexen_vcpu_test.cpp
tests_unit_fakexen_tests_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS)
tests_unit_fakexen_tests_CXXFLAGS = $(GNU_CXXFLAGS)
tests_unit_fakexen_tests_LDADD = libfakexen-host.la libfakexen-protocol.la libsr-pure.la $(GTEST_LIBS)

# the save helper
UNIT_TESTS += tests/unit/helper_tests
tests_unit_helper_tests_SOURCES = \
    tests/support/error_of.hpp \
    tests/support/golden.cpp \
    tests/support/golden.hpp \
    tests/unit/helper_arguments_test.cpp \
    tests/unit/helper_link_test.cpp \
    tests/unit/helper_messages_test.cpp \
    tests/unit/helper_relay_test.cpp
tests_unit_helper_tests_CPPFLAGS = $(AM_CPPFLAGS) -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"'
tests_unit_helper_tests_LDADD = libsavehelper.la libxsr.la libtoolstack.la libfakehost.la libsr-pure.la libsr.la $(GTEST_LIBS)
