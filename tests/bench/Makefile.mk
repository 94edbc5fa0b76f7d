# SPDX-License-Identifier: LGPL-2.1-or-later
# The benchmarks. `make bench` prints the tables of docs/numbers.md.

# One save or restore by libsr or by the stock engine, timed.
check_PROGRAMS += tests/bench/bench-run
tests_bench_bench_run_SOURCES = \
    tests/bench/contender.hpp \
    tests/bench/counters.hpp \
    tests/bench/engine_run.cpp \
    tests/bench/libsr_contender.cpp \
    tests/bench/measure.cpp \
    tests/bench/measure.hpp \
    tests/bench/pipe_peer.cpp \
    tests/bench/pipe_peer.hpp \
    tests/bench/stock_contender.cpp
tests_bench_bench_run_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS) $(XENGUEST_CFLAGS)
tests_bench_bench_run_CXXFLAGS = $(GNU_CXXFLAGS)
tests_bench_bench_run_LDADD = libsr.la libtoolstack.la libsr-pure.la $(XENGUEST_LIBS) $(XENCTRL_LIBS) \
    $(XENTOOLLOG_LIBS) $(XENSTORE_LIBS)

# Counts what an engine does; preloaded. Never sanitized: those bring their own malloc.
check_PROGRAMS += tests/bench/libbench-count.so
tests_bench_libbench_count_so_SOURCES = tests/bench/count.cpp tests/bench/counters.hpp
tests_bench_libbench_count_so_CPPFLAGS = $(AM_CPPFLAGS) $(XENCALL_CFLAGS) $(XENFOREIGNMEMORY_CFLAGS)
tests_bench_libbench_count_so_CXXFLAGS = -std=gnu++20 $(SR_CXXFLAGS) -Wno-pedantic -fPIC -fvisibility=hidden
tests_bench_libbench_count_so_LDFLAGS = -XCClinker -shared -Wl,-soname,libbench-count.so

# Page tables, without a host.
check_PROGRAMS += tests/bench/bench-tables
tests_bench_bench_tables_SOURCES = tests/bench/tables_bench.cpp
tests_bench_bench_tables_LDADD = libsr-pure.la -lbenchmark

EXTRA_DIST += tests/bench/bench
bench: all tests/bench/bench-run tests/bench/bench-tables tests/bench/libbench-count.so
	@$(PYTHON3) $(top_srcdir)/tests/bench/bench $(abs_top_builddir)
.PHONY: bench
