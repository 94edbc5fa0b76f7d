# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_pure_sources += \
    libsr/mem/grant_entry.cpp \
    libsr/mem/grant_entry.hpp \
    libsr/mem/guest_abi.cpp \
    libsr/mem/guest_abi.hpp \
    libsr/mem/load_once.hpp \
    libsr/mem/localise.hpp \
    libsr/mem/m2p.hpp \
    libsr/mem/normalise.cpp \
    libsr/mem/normalise.hpp \
    libsr/mem/p2m.cpp \
    libsr/mem/p2m.hpp \
    libsr/mem/p2m_discovery.cpp \
    libsr/mem/p2m_discovery.hpp \
    libsr/mem/page_type.cpp \
    libsr/mem/page_type.hpp \
    libsr/mem/pfn_room.hpp \
    libsr/mem/pte.hpp \
    libsr/mem/shared_info.cpp \
    libsr/mem/shared_info.hpp \
    libsr/mem/start_info.cpp \
    libsr/mem/start_info.hpp \
    libsr/mem/table_outcome.cpp \
    libsr/mem/table_outcome.hpp \
    libsr/mem/table_reach.cpp \
    libsr/mem/table_reach.hpp \
    libsr/mem/vcpu_context.cpp \
    libsr/mem/vcpu_context.hpp
