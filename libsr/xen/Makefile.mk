# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_xen_sources += \
    libsr/xen/call.cpp \
    libsr/xen/call.hpp \
    libsr/xen/cpu_policy.cpp \
    libsr/xen/cpu_policy.hpp \
    libsr/xen/dirty_log.cpp \
    libsr/xen/dirty_log.hpp \
    libsr/xen/domain.cpp \
    libsr/xen/domain.hpp \
    libsr/xen/foreign_mapping.cpp \
    libsr/xen/foreign_mapping.hpp \
    libsr/xen/grant_pfns.cpp \
    libsr/xen/grant_pfns.hpp \
    libsr/xen/grant_seed.cpp \
    libsr/xen/grant_seed.hpp \
    libsr/xen/grant_table.cpp \
    libsr/xen/grant_table.hpp \
    libsr/xen/guest_frames.cpp \
    libsr/xen/guest_frames.hpp \
    libsr/xen/host.cpp \
    libsr/xen/host.hpp \
    libsr/xen/libraries.hpp \
    libsr/xen/m2p_table.cpp \
    libsr/xen/m2p_table.hpp \
    libsr/xen/page_types.cpp \
    libsr/xen/page_types.hpp \
    libsr/xen/vcpu_state.cpp \
    libsr/xen/vcpu_state.hpp
