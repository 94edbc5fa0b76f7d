// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading and writing containers of a libxc stream.
#include "libsr/wire/container.hpp"

#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstring>

namespace sr {
namespace {

/// Octets that decide what a stream is.
constexpr std::size_t sniffed_octets = 32;

bool starts_with(std::span<const std::byte> octets, std::string_view start)
{
    return octets.size() >= start.size() &&
           std::memcmp(octets.data(), start.data(), start.size()) == 0;
}

/// Things that people have at hand where a stream should be.
constexpr std::pair<std::string_view, const char*> known_others[] = {
    {"\xfd"
     "7zXZ",
     "compressed with xz: unpack it first"},
    {"\x1f\x8b", "compressed with gzip: unpack it first"},
    {"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"},
    {"BZh", "compressed with bzip2: unpack it first"},
    {"\x7f"
     "ELF",
     "an ELF file, perhaps a kernel or a core dump"},
    {"LinuxGuestRecord", "a save file of xend, which no Xen of today reads"},
    {"LibvirtQEMUD", "a save file of QEMU or KVM, not of Xen"},
    {"libvirt-xml", "a save file of libvirt, which holds a libxl stream after its own header"},
};

[[noreturn]] void refuse_unrecognised(std::span<const std::byte> octets)
{
    if (octets.empty()) {
        throw Error{Errc::io, "the stream is empty"};
    }
    for (const auto& [start, what] : known_others) {
        if (starts_with(octets, start)) {
            throw Error{Errc::unsupported, "not a stream of a Xen domain: it is %s", what};
        }
    }
    std::string hex;
    for (const std::byte octet : octets.first(std::min<std::size_t>(8, octets.size()))) {
        std::array<char, 4> digits{};
        (void)std::snprintf(digits.data(), digits.size(), "%02x ",
                            std::to_integer<unsigned>(octet));
        hex += digits.data();
    }
    throw Error{
        Errc::unsupported,
        "not a stream of a Xen domain: it starts with %s(images of Xen before 4.6 go through Xen's "
        "convert-legacy-stream first)",
        hex.c_str()};
}

/// Reads so many octets, taking memory only as they arrive.
std::string read_text(Source& source, std::uint32_t length, const char* what)
{
    std::string text;
    while (text.size() < length) {
        const std::size_t start = text.size();
        text.resize(start + std::min<std::size_t>(length - start, 65536));
        source.read_exact(std::as_writable_bytes(std::span{text}.subspan(start)), what);
    }
    return text;
}

}  // namespace

const char* to_string(ContainerKind kind) noexcept
{
    switch (kind) {
    case ContainerKind::libxc:
        return "libxc stream";
    case ContainerKind::libxl:
        return "libxl stream";
    case ContainerKind::xl:
        return "xl save file";
    }
    return "unknown";
}

Container::Container(Source& source) : source_{source}
{
    recognise();
    if (kind_ == ContainerKind::xl) {
        read_xl_header();
    }
    if (kind_ != ContainerKind::libxc) {
        read_libxl_header();
        read_records_until(LibxlRecordType::libxc_context);
    }
}

void Container::recognise()
{
    const auto octets = source_.peek(sniffed_octets);
    if (starts_with(octets, std::string_view{xl_magic, 32})) {
        kind_ = ContainerKind::xl;
    } else if (starts_with(octets, "LibxlFmt")) {
        kind_ = ContainerKind::libxl;
    } else if (starts_with(octets, "\xff\xff\xff\xff\xff\xff\xff\xff")) {
        kind_ = ContainerKind::libxc;
    } else {
        refuse_unrecognised(octets);
    }
}

void Container::read_xl_header()
{
    const auto header = source_.read<XlHeaderLayout>("the xl header");
    if (header.byte_order.value() != xl_byte_order) {
        throw Error{header.byte_order.value() == 0x0403'0201 ? Errc::unsupported : Errc::malformed,
                    "xl header: byte order mark %#010" PRIx32 ", not %#010" PRIx32,
                    header.byte_order.value(), xl_byte_order};
    }
    const std::uint32_t flags = header.mandatory_flags.value();
    if ((flags & ~(xl_flag_json | xl_flag_stream_v2)) != 0) {
        throw Error{Errc::unsupported, "xl header: unknown mandatory flags in %#" PRIx32, flags};
    }
    if ((flags & xl_flag_stream_v2) == 0) {
        throw Error{Errc::unsupported,
                    "xl header: a legacy image of Xen before 4.6 follows; it goes "
                    "through Xen's convert-legacy-stream first"};
    }
    const std::uint32_t length = header.optional_length.value();
    if (length > limits::xl_config_length_max) {
        throw Error{Errc::limit,
                    "xl header: claims %" PRIu32 " octets of configuration, at most %" PRIu32
                    " are read",
                    length, limits::xl_config_length_max};
    }
    const std::uint64_t start = source_.position();
    const std::string optional = read_text(source_, length, "the configuration of the xl file");
    xl_ = XlHeader{(flags & xl_flag_json) != 0, {}};
    if (optional.empty()) {
        return;
    }
    ByteReader reader{std::as_bytes(std::span{optional})};
    const std::uint32_t config_length =
        reader.read<XlConfigHeader>("xl configuration").length.value();
    const auto config = reader.take(config_length, "xl configuration");
    xl_->config = optional.substr(sizeof(XlConfigHeader), config.size());
    xl_->config.erase(xl_->config.find_last_not_of('\0') + 1);
    if (reader.size_left() != 0) {
        note(ContainerDeviation::Kind::other, start + optional.size() - reader.size_left(),
             "xl header: octets after the configuration");
    }
}

void Container::read_libxl_header()
{
    const std::uint64_t start = source_.position();
    const auto header = source_.read<LibxlHeaderLayout>("the libxl header");
    if (header.ident.value() != libxl_ident) {
        throw Error{Errc::malformed, "libxl header: ident %#018" PRIx64 ", not \"LibxlFmt\"",
                    header.ident.value()};
    }
    if (header.version.value() != libxl_version) {
        throw Error{Errc::unsupported, "libxl header: version %" PRIu32 ", only 2 is known",
                    header.version.value()};
    }
    const std::uint32_t options = header.options.value();
    if ((options & libxl_option_big_endian) != 0) {
        throw Error{Errc::unsupported,
                    "libxl header: the stream is big-endian; those of x86 are not"};
    }
    converted_ = (options & libxl_option_converted) != 0;
    if ((options & ~libxl_option_converted) != 0) {
        note(ContainerDeviation::Kind::reserved, start, "libxl header: reserved options are set");
    }
    framing_.emplace(source_, start, limits::libxl_record_length_max, name_of_libxl_record);
}

void Container::read_checkpoint()
{
    if (framing_) {
        read_records_until(LibxlRecordType::checkpoint_end);
    }
}

void Container::read_tail()
{
    if (framing_) {
        read_records_until(LibxlRecordType::end);
    }
}

std::uint64_t Container::count_trailing()
{
    std::array<std::byte, 16384> dropped{};
    std::uint64_t count = 0;
    std::size_t got = 0;
    do {
        got = source_.read_some(dropped);
        count += got;
    } while (got == dropped.size());
    return count;
}

void Container::note(ContainerDeviation::Kind kind, std::uint64_t offset, std::string sentence)
{
    if (deviations_.size() < limits::libxl_records_max) {
        deviations_.push_back({kind, offset, std::move(sentence)});
    }
}

}  // namespace sr
