// SPDX-License-Identifier: LGPL-2.1-or-later
// Layouts of what lies around a libxc stream: the libxl stream and the xl save file.
//
// libxl: docs/specs/libxl-migration-stream.pandoc of Xen, revision 2; the names in quotation marks
// are its section titles. xl: tools/xl/xl.h of Xen, struct save_file_header; nothing specifies it.
#pragma once

#include "libsr/base/bytes.hpp"

#include <boost/endian/buffers.hpp>

#include <array>
#include <cstdint>

namespace sr {

/// The start of a file that `xl save` wrote. Integers are in the writer's byte order.
struct XlHeaderLayout {
    std::array<std::byte, 32> magic;                     ///< xl_magic
    boost::endian::little_uint32_buf_t byte_order;       ///< xl_byte_order
    boost::endian::little_uint32_buf_t mandatory_flags;  ///< xl_flag_…; others are to be refused
    boost::endian::little_uint32_buf_t optional_flags;   ///< none is known
    boost::endian::little_uint32_buf_t optional_length;  ///< octets that follow, without padding
};
static_assert(WireStruct<XlHeaderLayout> && sizeof(XlHeaderLayout) == 48);

/// The optional data of an xl file: the length of a configuration, and the configuration.
struct XlConfigHeader {
    boost::endian::little_uint32_buf_t length;
};
static_assert(WireStruct<XlConfigHeader> && sizeof(XlConfigHeader) == 4);

inline constexpr char xl_magic[33] = "Xen saved domain, xl format\n \0 \r";
inline constexpr std::uint32_t xl_byte_order = 0x0102'0304;
inline constexpr std::uint32_t xl_flag_json = 1;  ///< the configuration is JSON
inline constexpr std::uint32_t xl_flag_stream_v2 =
    2;  ///< a libxl stream follows, not a legacy image

/// "Header". Big-endian.
struct LibxlHeaderLayout {
    boost::endian::big_uint64_buf_t ident;    ///< libxl_ident
    boost::endian::big_uint32_buf_t version;  ///< libxl_version
    boost::endian::big_uint32_buf_t options;  ///< libxl_option_…; others reserved
};
static_assert(WireStruct<LibxlHeaderLayout> && sizeof(LibxlHeaderLayout) == 16);

inline constexpr std::uint64_t libxl_ident = 0x4c69'6278'6c46'6d74;  ///< "LibxlFmt"
inline constexpr std::uint32_t libxl_version = 2;
inline constexpr std::uint32_t libxl_option_big_endian = 1;
inline constexpr std::uint32_t libxl_option_converted =
    2;  ///< by the conversion tool, from a legacy stream

/// "Record Overview", field "type". Framing is that of libxc: RecordHeader.
enum class LibxlRecordType : std::uint32_t {
    end = 0,
    libxc_context = 1,           ///< empty; a libxc stream follows in place
    emulator_xenstore_data = 2,  ///< EmulatorHeader, then pairs of NUL-terminated key and value
    emulator_context = 3,        ///< EmulatorHeader, then a blob
    checkpoint_end = 4,
    checkpoint_state = 5,  ///< CheckpointStateLayout; COLO
};

/// "Emulator Records".
struct EmulatorHeader {
    boost::endian::little_uint32_buf_t id;  ///< 0 unknown, 1 qemu-traditional, 2 qemu
    boost::endian::little_uint32_buf_t index;
};
static_assert(WireStruct<EmulatorHeader> && sizeof(EmulatorHeader) == 8);

/// "CHECKPOINT_STATE". The specification draws 4 octets more as part of the body, libxl writes them
/// as padding.
struct CheckpointStateLayout {
    boost::endian::little_uint32_buf_t id;  ///< 0 to 3
};
static_assert(WireStruct<CheckpointStateLayout> && sizeof(CheckpointStateLayout) == 4);

}  // namespace sr
