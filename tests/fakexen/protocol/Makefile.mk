# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += libfakexen-protocol.la
libfakexen_protocol_la_SOURCES = \
    tests/fakexen/protocol/client.cpp \
    tests/fakexen/protocol/client.hpp \
    tests/fakexen/protocol/messages.hpp \
    tests/fakexen/protocol/packet.cpp \
    tests/fakexen/protocol/packet.hpp \
    tests/fakexen/protocol/store_port.hpp \
    tests/fakexen/protocol/xen.hpp
libfakexen_protocol_la_CXXFLAGS = $(GNU_CXXFLAGS)
