# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_pure_sources += \
    libsr/mem/page_type.cpp \
    libsr/mem/page_type.hpp \
    libsr/mem/pte.hpp
