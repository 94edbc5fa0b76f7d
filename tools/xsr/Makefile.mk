# SPDX-License-Identifier: LGPL-2.1-or-later
# xsr, the program of an operator or engineer: one file for each verb, and what they share.

noinst_LTLIBRARIES += libxsr.la
libxsr_la_SOURCES = \
    tools/xsr/choice_option.hpp \
    tools/xsr/console.cpp \
    tools/xsr/console.hpp \
    tools/xsr/destroy.cpp \
    tools/xsr/diff.cpp \
    tools/xsr/diff_grants.cpp \
    tools/xsr/diff_guests.hpp \
    tools/xsr/diff_pages.cpp \
    tools/xsr/diff_state.cpp \
    tools/xsr/engine_log.cpp \
    tools/xsr/engine_log.hpp \
    tools/xsr/exit_codes.cpp \
    tools/xsr/exit_codes.hpp \
    tools/xsr/facts.cpp \
    tools/xsr/facts.hpp \
    tools/xsr/field_view.cpp \
    tools/xsr/field_view.hpp \
    tools/xsr/grant_view.cpp \
    tools/xsr/grant_view.hpp \
    tools/xsr/grants.cpp \
    tools/xsr/guest_fields.cpp \
    tools/xsr/guest_fields.hpp \
    tools/xsr/guest_image.cpp \
    tools/xsr/guest_image.hpp \
    tools/xsr/help.cpp \
    tools/xsr/help.hpp \
    tools/xsr/hvm_param_name.cpp \
    tools/xsr/hvm_param_name.hpp \
    tools/xsr/info.cpp \
    tools/xsr/input_file.cpp \
    tools/xsr/input_file.hpp \
    tools/xsr/interrupt.cpp \
    tools/xsr/interrupt.hpp \
    tools/xsr/judgement.cpp \
    tools/xsr/judgement.hpp \
    tools/xsr/json.cpp \
    tools/xsr/json.hpp \
    tools/xsr/list.cpp \
    tools/xsr/output_file.cpp \
    tools/xsr/output_file.hpp \
    tools/xsr/page_view.cpp \
    tools/xsr/page_view.hpp \
    tools/xsr/pfn_ranges.cpp \
    tools/xsr/pfn_ranges.hpp \
    tools/xsr/progress_line.cpp \
    tools/xsr/progress_line.hpp \
    tools/xsr/progress_meter.cpp \
    tools/xsr/progress_meter.hpp \
    tools/xsr/record_view.cpp \
    tools/xsr/record_view.hpp \
    tools/xsr/restore.cpp \
    tools/xsr/restore_job.cpp \
    tools/xsr/restore_job.hpp \
    tools/xsr/resume.cpp \
    tools/xsr/save.cpp \
    tools/xsr/save_job.cpp \
    tools/xsr/save_job.hpp \
    tools/xsr/show.cpp \
    tools/xsr/units.cpp \
    tools/xsr/units.hpp \
    tools/xsr/verb.hpp \
    tools/xsr/verify.cpp


bin_PROGRAMS += xsr
xsr_SOURCES = tools/xsr/main.cpp
xsr_LDADD = libxsr.la libtoolstack.la libsr-pure.la libsr.la
