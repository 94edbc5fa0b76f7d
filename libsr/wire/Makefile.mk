# SPDX-License-Identifier: LGPL-2.1-or-later
libsr_pure_sources += \
    libsr/wire/container.cpp \
    libsr/wire/container.hpp \
    libsr/wire/container_libxl.cpp \
    libsr/wire/container_records.hpp \
    libsr/wire/decode.cpp \
    libsr/wire/decode.hpp \
    libsr/wire/decode_blobs.cpp \
    libsr/wire/decode_grants.cpp \
    libsr/wire/encode.cpp \
    libsr/wire/encode.hpp \
    libsr/wire/encode_grants.cpp \
    libsr/wire/limits.hpp \
    libsr/wire/order.cpp \
    libsr/wire/order.hpp \
    libsr/wire/peek_source.cpp \
    libsr/wire/peek_source.hpp \
    libsr/wire/record_framing.cpp \
    libsr/wire/record_framing.hpp \
    libsr/wire/record_type.cpp \
    libsr/wire/record_type.hpp \
    libsr/wire/records.hpp \
    libsr/wire/stream_reader.cpp \
    libsr/wire/stream_reader.hpp \
    libsr/wire/stream_writer.cpp \
    libsr/wire/stream_writer.hpp
