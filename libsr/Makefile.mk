# SPDX-License-Identifier: LGPL-2.1-or-later
# libsr: pure layers, the Xen layer, the engines, and the C ABI over them.

libsr_pure_sources =
libsr_xen_sources =
libsr_engine_sources =

include libsr/base/Makefile.mk
include libsr/mem/Makefile.mk
include libsr/wire/Makefile.mk
include libsr/xen/Makefile.mk
include libsr/verify/Makefile.mk
include libsr/save/Makefile.mk
include libsr/restore/Makefile.mk

# base, mem, wire and verify: no hypervisor, no I/O of their own.
noinst_LTLIBRARIES += libsr-pure.la
libsr_pure_la_SOURCES = $(libsr_pure_sources)

# The only code that includes Xen's headers (beside tools/toolstack).
noinst_LTLIBRARIES += libsr-xen.la
libsr_xen_la_SOURCES = $(libsr_xen_sources)
libsr_xen_la_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS) $(XENFOREIGNMEMORY_CFLAGS)
libsr_xen_la_CXXFLAGS = $(GNU_CXXFLAGS)

# Debian's libtool does not hand the needs of a convenience library on: who links core names these.
SR_XEN_LIBS = $(XENCTRL_LIBS) $(XENCALL_LIBS) $(XENFOREIGNMEMORY_LIBS)

# Everything below the C ABI; tests link it.
noinst_LTLIBRARIES += libsr-core.la
libsr_core_la_SOURCES = $(libsr_engine_sources)
libsr_core_la_LIBADD = libsr-pure.la libsr-xen.la

include_HEADERS += include/sr.h
pkgconfig_DATA += libsr/libsr.pc

# The library itself: the C ABI and nothing else is visible.
lib_LTLIBRARIES += libsr.la
libsr_la_SOURCES = libsr/capi.cpp libsr/capi_callers.cpp libsr/capi_callers.hpp \
    libsr/capi_grants.cpp libsr/capi_grants.hpp libsr/capi_structs.hpp
libsr_la_CPPFLAGS = $(AM_CPPFLAGS)
libsr_la_CXXFLAGS = $(AM_CXXFLAGS) -fvisibility=hidden
libsr_la_LIBADD = libsr-core.la $(SR_XEN_LIBS)
libsr_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0 \
    $(SR_NO_UNDEFINED) -Wl,--version-script=$(top_srcdir)/libsr/libsr.map
EXTRA_libsr_la_DEPENDENCIES = libsr/libsr.map
EXTRA_DIST += libsr/libsr.map
