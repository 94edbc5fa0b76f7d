# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_engine_sources += \
    libsr/save/batch_pipeline.cpp \
    libsr/save/batch_pipeline.hpp \
    libsr/save/dirty_sets.hpp \
    libsr/save/grant_records.cpp \
    libsr/save/grant_records.hpp \
    libsr/save/guest_state.cpp \
    libsr/save/guest_state.hpp \
    libsr/save/moved_pages.cpp \
    libsr/save/moved_pages.hpp \
    libsr/save/page_batch.cpp \
    libsr/save/page_batch.hpp \
    libsr/save/page_sender.cpp \
    libsr/save/page_sender.hpp \
    libsr/save/precopy_loop.cpp \
    libsr/save/precopy_loop.hpp \
    libsr/save/precopy_policy.hpp \
    libsr/save/pv_guest.cpp \
    libsr/save/pv_guest.hpp \
    libsr/save/pv_records.cpp \
    libsr/save/pv_records.hpp \
    libsr/save/pv_save.cpp \
    libsr/save/pv_save.hpp \
    libsr/save/restorable.cpp \
    libsr/save/restorable.hpp \
    libsr/save/save.cpp \
    libsr/save/save.hpp \
    libsr/save/save_progress.hpp \
    libsr/save/sent_pages.hpp \
    libsr/save/stale_types.cpp \
    libsr/save/stale_types.hpp
