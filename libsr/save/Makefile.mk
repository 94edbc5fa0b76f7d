# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_engine_sources += \
    libsr/save/dirty_sets.hpp \
    libsr/save/page_batch.cpp \
    libsr/save/page_batch.hpp \
    libsr/save/pv_guest.cpp \
    libsr/save/pv_guest.hpp \
    libsr/save/pv_records.cpp \
    libsr/save/pv_records.hpp \
    libsr/save/save.cpp \
    libsr/save/save.hpp
