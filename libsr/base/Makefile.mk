# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_pure_sources += \
    libsr/base/bytes.hpp \
    libsr/base/cancel.cpp \
    libsr/base/cancel.hpp \
    libsr/base/error.cpp \
    libsr/base/error.hpp \
    libsr/base/fd.hpp \
    libsr/base/fd_io.cpp \
    libsr/base/fd_io.hpp \
    libsr/base/frame.hpp \
    libsr/base/guest_width.hpp \
    libsr/base/io.cpp \
    libsr/base/io.hpp \
    libsr/base/log.cpp \
    libsr/base/log.hpp \
    libsr/base/progress.hpp

libsr_pure_sources += \
    libsr/base/bitmap.cpp \
    libsr/base/bitmap.hpp \
    libsr/base/sparse_array.hpp \
    libsr/base/worker.cpp \
    libsr/base/worker.hpp
