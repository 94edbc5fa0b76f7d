# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_engine_sources += \
    libsr/restore/grant_check.cpp \
    libsr/restore/grant_check.hpp \
    libsr/restore/guest_memory.cpp \
    libsr/restore/guest_memory.hpp \
    libsr/restore/page_buffer.cpp \
    libsr/restore/page_buffer.hpp \
    libsr/restore/page_loader.cpp \
    libsr/restore/page_loader.hpp \
    libsr/restore/pv_checkpoint.cpp \
    libsr/restore/pv_checkpoint.hpp \
    libsr/restore/pv_completion.cpp \
    libsr/restore/pv_completion.hpp \
    libsr/restore/pv_restore.cpp \
    libsr/restore/pv_restore.hpp \
    libsr/restore/pv_verify.cpp \
    libsr/restore/pv_verify.hpp \
    libsr/restore/restore.cpp \
    libsr/restore/restore.hpp \
    libsr/restore/static_data.cpp \
    libsr/restore/static_data.hpp \
    libsr/restore/vcpu_records.cpp \
    libsr/restore/vcpu_records.hpp
