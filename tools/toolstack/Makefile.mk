# SPDX-License-Identifier: LGPL-2.1-or-later
# The small toolstack of xsr: finds, creates, suspends, resumes and destroys domains.

noinst_LTLIBRARIES += libtoolstack.la
libtoolstack_la_SOURCES = \
    tools/toolstack/control.cpp \
    tools/toolstack/control.hpp \
    tools/toolstack/create.cpp \
    tools/toolstack/create.hpp \
    tools/toolstack/domain_config.cpp \
    tools/toolstack/domain_config.hpp \
    tools/toolstack/domain_entries.cpp \
    tools/toolstack/domain_entries.hpp \
    tools/toolstack/saver_mark.cpp \
    tools/toolstack/saver_mark.hpp \
    tools/toolstack/suspend.cpp \
    tools/toolstack/suspend.hpp \
    tools/toolstack/toolstack.cpp \
    tools/toolstack/toolstack.hpp \
    tools/toolstack/uuid.cpp \
    tools/toolstack/uuid.hpp \
    tools/toolstack/xenstore.cpp \
    tools/toolstack/xenstore.hpp
libtoolstack_la_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS) $(XENSTORE_CFLAGS)
libtoolstack_la_CXXFLAGS = $(GNU_CXXFLAGS)
libtoolstack_la_LIBADD = $(XENCTRL_LIBS) $(XENTOOLLOG_LIBS) $(XENSTORE_LIBS)
