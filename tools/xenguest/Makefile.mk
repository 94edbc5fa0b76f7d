# SPDX-License-Identifier: LGPL-2.1-or-later
# libsr-xenguest: two functions of libxenguest on libsr, for a toolstack that links these.

lib_LTLIBRARIES += libsr-xenguest.la
libsr_xenguest_la_SOURCES = \
    tools/xenguest/xc_domain_restore.cpp \
    tools/xenguest/xc_domain_save.cpp \
    tools/xenguest/xch.cpp \
    tools/xenguest/xch.hpp
libsr_xenguest_la_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS) $(XENGUEST_CFLAGS)
libsr_xenguest_la_CXXFLAGS = $(GNU_CXXFLAGS)
libsr_xenguest_la_LIBADD = libsr.la $(XENCTRL_LIBS) $(XENTOOLLOG_LIBS)
libsr_xenguest_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0 \
    $(SR_NO_UNDEFINED) -Wl,--version-script=$(top_srcdir)/tools/xenguest/libsr-xenguest.map
EXTRA_libsr_xenguest_la_DEPENDENCIES = tools/xenguest/libsr-xenguest.map
pkgconfig_DATA += tools/xenguest/libsr-xenguest.pc
EXTRA_DIST += tools/xenguest/libsr-xenguest.map
