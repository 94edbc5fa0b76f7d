# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets. Here they run over their seeds and all that was ever found, by any compiler; `make fuzz` builds them
# anew with clang++ and libFuzzer (fuzz.mk, which lists the same sources).

fuzz_defines = -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"' -DSR_FUZZ_DIR='"$(abs_top_srcdir)/tests/fuzz"'
fuzz_pure_sources = \
    tests/fuzz/blobs_target.cpp \
    tests/fuzz/container_target.cpp \
    tests/fuzz/decode_target.cpp \
    tests/fuzz/framing_target.cpp \
    tests/fuzz/input_bytes.hpp \
    tests/fuzz/mutate.cpp \
    tests/fuzz/mutate.hpp \
    tests/fuzz/seeds.cpp \
    tests/fuzz/seeds.hpp \
    tests/fuzz/stream_parts.cpp \
    tests/fuzz/stream_parts.hpp \
    tests/fuzz/stream_target.cpp \
    tests/fuzz/target.hpp \
    tests/support/golden.cpp \
    tests/support/golden.hpp

# Targets over a fake host in the same process, under the real libxenctrl: the fake libraries are part of the program.
fuzz_engine_sources = \
    tests/fuzz/checkpoints_target.cpp \
    tests/fuzz/engine.cpp \
    tests/fuzz/engine.hpp \
    tests/fuzz/inprocess/client.cpp \
    tests/fuzz/inprocess/host.cpp \
    tests/fuzz/inprocess/host.hpp \
    tests/fuzz/live_guest.cpp \
    tests/fuzz/live_guest.hpp \
    tests/fuzz/restore_target.cpp \
    tests/fuzz/save_target.cpp \
    tests/fuzz/small_guest.cpp \
    tests/fuzz/small_guest.hpp
fuzz_fake_library_sources = \
    tests/fakexen/lib/window.cpp \
    tests/fakexen/lib/xencall.cpp \
    tests/fakexen/lib/xenforeignmemory.cpp

UNIT_TESTS += tests/fuzz/replay_test
tests_fuzz_replay_test_SOURCES = $(fuzz_pure_sources) tests/fuzz/replay_test.cpp
tests_fuzz_replay_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(fuzz_defines)
tests_fuzz_replay_test_LDADD = libsr-pure.la $(GTEST_LIBS)

UNIT_TESTS += tests/fuzz/engine_replay_test
tests_fuzz_engine_replay_test_SOURCES = \
    $(fuzz_engine_sources) \
    $(fuzz_fake_library_sources) \
    tests/fuzz/engine_replay_test.cpp \
    tests/fuzz/seeds.cpp \
    tests/fuzz/stream_parts.cpp \
    tests/support/golden.cpp
tests_fuzz_engine_replay_test_CPPFLAGS = $(AM_CPPFLAGS) $(GTEST_CFLAGS) $(fuzz_defines)
tests_fuzz_engine_replay_test_CXXFLAGS = $(GNU_CXXFLAGS)
tests_fuzz_engine_replay_test_LDADD = libsr.la libfakexen-host.la libsr-pure.la $(SR_XEN_LIBS) $(GTEST_LIBS)
# What the program defines of libxencall and libxenforeignmemory goes before the libraries of these names.
tests_fuzz_engine_replay_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic

# FUZZ_SECONDS in all, shared by the targets (FUZZ_TARGETS, all by default) on FUZZ_JOBS processors.
FUZZ_SECONDS = 60
FUZZ_JOBS =
FUZZ_TARGETS =
fuzz:
	@$(MAKE) --no-print-directory -f $(top_srcdir)/tests/fuzz/fuzz.mk fuzz top_srcdir='$(top_srcdir)' \
	    abs_top_srcdir='$(abs_top_srcdir)' XEN_CFLAGS='$(XEN_CFLAGS)' XEN_LIBS='$(SR_XEN_LIBS) $(XENTOOLLOG_LIBS)' \
	    PYTHON3='$(PYTHON3)' pure_sources='$(libsr_pure_sources)' fuzz_pure_sources='$(fuzz_pure_sources)' \
	    engine_sources='$(libsr_xen_sources) $(libsr_engine_sources) $(libsr_la_SOURCES)' \
	    fuzz_engine_sources='$(fuzz_engine_sources) $(fuzz_fake_library_sources) $(libfakexen_host_la_SOURCES)' \
	    FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_JOBS='$(FUZZ_JOBS)' FUZZ_TARGETS='$(FUZZ_TARGETS)'
fuzz-clean:
	rm -rf tests/fuzz/libfuzzer
clean-local: fuzz-clean
.PHONY: fuzz fuzz-clean

EXTRA_DIST += tests/fuzz/fuzz.mk tests/fuzz/run-fuzz tests/fuzz/stream.dict tests/fuzz/README.md tests/fuzz/findings \
    tests/fuzz/libfuzzer_main.cpp tests/fuzz/libfuzzer_mutator.cpp
