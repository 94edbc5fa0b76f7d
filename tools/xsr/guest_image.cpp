// SPDX-License-Identifier: LGPL-2.1-or-later
// Indexing a stream by pfn.
#include "tools/xsr/guest_image.hpp"

#include "libsr/base/fd_io.hpp"
#include "libsr/wire/limits.hpp"
#include "tools/xsr/guest_fields.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace sr {
namespace {

/// What the index of pages may cost: a stream spends 8 octets on each pfn, and so do we, but pfns
/// spread out by a hostile one must not cost a chunk each without end.
constexpr std::uint64_t index_octets_beside_file = 64U << 20U;

std::uint64_t made_seekable(InputFile& file)
{
    file.make_seekable();
    const off_t at = ::lseek(file.fd(), 0, SEEK_CUR);
    if (at < 0) {
        throw Error::from_errno(Errc::io, errno, "%s", file.name().c_str()).with_call("lseek");
    }
    return static_cast<std::uint64_t>(at);
}

}  // namespace

GuestImage::GuestImage(InputFile& file)
    : file_{file}, file_start_{made_seekable(file)}, pages_{limits::pfn_max, absent_slot,
                                                            static_cast<std::size_t>(
                                                                index_octets_beside_file +
                                                                file.size().value_or(0))}
{
    FdSource source{file.fd()};
    Container container{source};
    StreamReader reader{container.libxc()};
    domain_ = reader.domain_header();
    version_ = reader.image_header().version;
    take_records(reader, container);
}

PageState GuestImage::unpack(std::uint64_t slot) noexcept
{
    PageState state;
    if (slot != absent_slot) {
        state.type = static_cast<PageType>(slot & 0xfU);  // packed by take_pages alone
        state.contents_at = slot >> 4U;
    }
    return state;
}

void GuestImage::take_records(StreamReader& reader, Container& container)
{
    for (;;) {
        const RecordHead head = reader.next();
        const auto type = record_type_from_wire(head.type);
        if (type == RecordType::end) {
            return;
        }
        if (type == RecordType::page_data) {
            take_pages(reader, container.libxc());
        } else if (type) {
            const auto body = reader.read_body();
            reader.at_place([&] { take_body(*type, body); });
            if (type == RecordType::checkpoint) {
                container.read_checkpoint();
            }
        } else if (is_optional(head.type)) {
            reader.skip_body();
        } else {
            reader.at_place([&] {
                throw Error{Errc::unsupported, "unknown mandatory record type %#x", head.type};
            });
        }
    }
}

void GuestImage::take_pages(StreamReader& reader, const Source& source)
{
    const Pfn max_pfn{is_pv() ? limits::pv_pfn_max : limits::pfn_max};
    const auto entries = reader.read_page_data_head(max_pfn);
    std::uint64_t at = file_start_ + source.position();
    for (const PageEntry& entry : entries) {
        const std::uint64_t contents_at = has_contents(entry) ? at : 0;
        pages_.set(entry.pfn.number(), contents_at << 4U | to_wire(entry.type));
        at += has_contents(entry) ? page_size : 0;
    }
    reader.skip_body();
}

void GuestImage::take_body(RecordType type, std::span<const std::byte> body)
{
    switch (type) {
    case RecordType::x86_pv_info:
        width_ = decode_pv_info(body);
        break;
    case RecordType::x86_pv_p2m_frames:
        take_p2m(body);
        break;
    case RecordType::x86_pv_vcpu_basic:
    case RecordType::x86_pv_vcpu_extended:
    case RecordType::x86_pv_vcpu_xsave:
    case RecordType::x86_pv_vcpu_msrs:
        take_vcpu(type, body);
        break;
    case RecordType::shared_info:
        (void)decode_shared_info(body);
        [[fallthrough]];
    default:
        records_[type] = Octets{body.begin(), body.end()};
    }
}

void GuestImage::take_vcpu(RecordType type, std::span<const std::byte> body)
{
    const VcpuBlob vcpu = decode_vcpu(type, body, width_, limits::vcpus_max);
    vcpus_[{vcpu.vcpu_id, type}] = Octets{vcpu.blob.begin(), vcpu.blob.end()};
    vcpu_ids_.insert(vcpu.vcpu_id);
}

void GuestImage::take_p2m(std::span<const std::byte> body)
{
    const P2mFrames frames = decode_p2m_frames(body, width_);
    p2m_range_ = {frames.first().number(), frames.last().number()};
    for (std::size_t i = 0; i < frames.nr_frames(); ++i) {
        p2m_frames_.insert(frames.frame(i).number());
    }
}

PageState GuestImage::page(std::uint64_t pfn) const noexcept
{
    return unpack(pages_.find(pfn));
}

void GuestImage::read_page(const PageState& state, PageContents& to) const
{
    std::size_t got = 0;
    while (got < to.size()) {
        const ssize_t count = ::pread(file_.fd(), to.data() + got, to.size() - got,
                                      static_cast<off_t>(state.contents_at + got));
        if (count == 0) {
            throw Error{Errc::io, "%s became shorter while it was read", file_.name().c_str()};
        }
        if (count < 0 && errno != EINTR) {
            throw Error::from_errno(Errc::io, errno, "reading %s", file_.name().c_str())
                .with_call("pread");
        }
        got += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    }
}

std::span<const std::byte> GuestImage::vcpu(std::uint32_t id, RecordType type) const noexcept
{
    const auto found = vcpus_.find({id, type});
    return found == vcpus_.end() ? std::span<const std::byte>{} : found->second;
}

std::span<const std::byte> GuestImage::record(RecordType type) const noexcept
{
    const auto found = records_.find(type);
    return found == records_.end() ? std::span<const std::byte>{} : found->second;
}

std::optional<std::uint64_t> GuestImage::start_info_pfn() const noexcept
{
    const auto context = vcpu(0, RecordType::x86_pv_vcpu_basic);
    if (!is_pv() || context.empty()) {
        return std::nullopt;
    }
    // A suspended guest holds it in edx of vCPU 0 (libxc-migration-stream.pandoc,
    // "X86_PV_VCPU_BASIC").
    const GuestField edx =
        width_ == GuestWidth::bits64 ? GuestField{"rdx", 616, 8} : GuestField{"edx", 524, 4};
    return value_of(edx, 0, context);
}

}  // namespace sr
