# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_pure_sources += \
    libsr/verify/finding.cpp \
    libsr/verify/finding.hpp \
    libsr/verify/grants_check.cpp \
    libsr/verify/grants_check.hpp \
    libsr/verify/judgement.hpp \
    libsr/verify/page_data_check.cpp \
    libsr/verify/page_data_check.hpp \
    libsr/verify/page_types.hpp \
    libsr/verify/record_check.cpp \
    libsr/verify/record_check.hpp \
    libsr/verify/reserved_check.cpp \
    libsr/verify/summary.hpp \
    libsr/verify/table_graph.cpp \
    libsr/verify/table_graph.hpp \
    libsr/verify/vcpu_check.cpp \
    libsr/verify/vcpu_check.hpp \
    libsr/verify/verify.cpp \
    libsr/verify/verify.hpp
