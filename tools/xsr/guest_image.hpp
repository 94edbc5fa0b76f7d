// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest that a stream leaves behind: all of its state but the contents of pages, which are
// found by offset.
#pragma once

#include "libsr/base/guest_width.hpp"
#include "libsr/base/sparse_array.hpp"
#include "libsr/wire/container.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "tools/xsr/input_file.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace sr {

using PageContents = std::array<std::byte, page_size>;

/// The last that a stream says of a page.
struct PageState {
    PageType type = PageType::xtab;
    std::uint64_t contents_at = 0;  ///< offset in the file, if the type has contents

    /// Whether the guest owns the page at all.
    [[nodiscard]] bool exists() const noexcept { return type != PageType::xtab; }
};

/// Memory: 8 octets for each page, vCPU state, and the records that are small.
class GuestImage {
public:
    /// Reads the whole file once. It is made seekable first, and must outlive this.
    /// @throws Error as StreamReader and the decoders; Error{limit} for pfns spread too widely
    explicit GuestImage(InputFile& file);

    [[nodiscard]] const DomainHeader& domain_header() const noexcept { return domain_; }
    [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
    [[nodiscard]] bool is_pv() const noexcept { return domain_.type == DomainType::x86_pv; }
    [[nodiscard]] GuestWidth width() const noexcept { return width_; }

    [[nodiscard]] PageState page(std::uint64_t pfn) const noexcept;
    /// Calls fn(pfn, PageState) for each page that exists, in rising order.
    template <typename Fn>
    void for_each_page(Fn&& fn) const
    {
        pages_.for_each([&](std::uint64_t pfn, std::uint64_t slot) {
            if (const PageState state = unpack(slot); state.exists()) {
                fn(pfn, state);
            }
        });
    }
    /// @throws Error{io}
    void read_page(const PageState& state, PageContents& to) const;

    /// The blob of a vCPU's record; empty if there is none.
    [[nodiscard]] std::span<const std::byte> vcpu(std::uint32_t id, RecordType type) const noexcept;
    [[nodiscard]] const std::set<std::uint32_t>& vcpu_ids() const noexcept { return vcpu_ids_; }
    /// The body of any other record that a stream has once; empty if it is not there.
    [[nodiscard]] std::span<const std::byte> record(RecordType type) const noexcept;

    /// Frames that hold the guest's p2m.
    [[nodiscard]] bool is_p2m_frame(std::uint64_t pfn) const noexcept
    {
        return p2m_frames_.contains(pfn);
    }
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> p2m_range() const noexcept
    {
        return p2m_range_;
    }
    [[nodiscard]] const std::set<std::uint64_t>& p2m_frames() const noexcept { return p2m_frames_; }
    /// The page of start_info: vCPU 0's edx. None for HVM.
    [[nodiscard]] std::optional<std::uint64_t> start_info_pfn() const noexcept;

private:
    static constexpr std::uint64_t absent_slot = ~std::uint64_t{0};
    [[nodiscard]] static PageState unpack(std::uint64_t slot) noexcept;

    void take_records(StreamReader& reader, Container& container);
    void take_pages(StreamReader& reader, const Source& source);
    void take_body(RecordType type, std::span<const std::byte> body);
    void take_vcpu(RecordType type, std::span<const std::byte> body);
    void take_p2m(std::span<const std::byte> body);

    const InputFile& file_;
    std::uint64_t file_start_ = 0;
    DomainHeader domain_{};
    std::uint32_t version_ = 0;
    GuestWidth width_ = GuestWidth::bits64;
    SparseArray<std::uint64_t> pages_;
    std::map<RecordType, Octets> records_;
    std::map<std::pair<std::uint32_t, RecordType>, Octets> vcpus_;
    std::set<std::uint32_t> vcpu_ids_;
    std::set<std::uint64_t> p2m_frames_;
    std::pair<std::uint64_t, std::uint64_t> p2m_range_{};
};

}  // namespace sr
