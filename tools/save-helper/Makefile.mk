# SPDX-License-Identifier: LGPL-2.1-or-later
# libsr-save-helper, what libxl starts in place of its own. Not in PATH: nobody calls it by hand.

noinst_LTLIBRARIES += libsavehelper.la
libsavehelper_la_SOURCES = \
    tools/save-helper/engine_call.cpp \
    tools/save-helper/engine_call.hpp \
    tools/save-helper/helper_run.cpp \
    tools/save-helper/helper_run.hpp \
    tools/save-helper/invocation.cpp \
    tools/save-helper/invocation.hpp \
    tools/save-helper/libxl_link.cpp \
    tools/save-helper/libxl_link.hpp \
    tools/save-helper/messages.cpp \
    tools/save-helper/messages.hpp \
    tools/save-helper/relay.cpp \
    tools/save-helper/relay.hpp \
    tools/save-helper/saving_mark.cpp \
    tools/save-helper/saving_mark.hpp \
    tools/save-helper/settings.cpp \
    tools/save-helper/settings.hpp \
    tools/save-helper/signals_blocked.hpp
libsavehelper_la_CPPFLAGS = $(AM_CPPFLAGS) -DSR_SYSCONFDIR='"$(sysconfdir)"'

srlibexecdir = $(libexecdir)/libsr
srlibexec_PROGRAMS = libsr-save-helper
libsr_save_helper_SOURCES = tools/save-helper/main.cpp
libsr_save_helper_LDADD = libsavehelper.la libxsr.la libtoolstack.la libsr-pure.la libsr.la
