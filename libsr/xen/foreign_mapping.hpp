// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest memory mapped into this process.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/xen/call.hpp"
#include "libsr/xen/host.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace sr {

enum class Access { read, write, read_write };

/// Owns one mapping of a number of frames, contiguous here, in any order there. A writable mapping
/// of a PV page holds a writable type reference on it: the page cannot become a page table until
/// the mapping is gone.
class ForeignMapping {
public:
    ForeignMapping() noexcept = default;
    ForeignMapping(xenforeignmemory_handle* fmem, void* address, std::size_t nr_pages) noexcept
        : fmem_{fmem}, address_{address}, nr_pages_{nr_pages}
    {
    }
    ForeignMapping(ForeignMapping&& other) noexcept { swap(other); }
    ForeignMapping& operator=(ForeignMapping&& other) noexcept
    {
        ForeignMapping taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ForeignMapping(const ForeignMapping&) = delete;
    ForeignMapping& operator=(const ForeignMapping&) = delete;
    ~ForeignMapping();

    [[nodiscard]] std::size_t nr_pages() const noexcept { return nr_pages_; }
    [[nodiscard]] std::span<std::byte> octets() const noexcept
    {
        return {static_cast<std::byte*>(address_), nr_pages_ * page_size};
    }
    [[nodiscard]] std::span<std::byte> page(std::size_t index) const noexcept
    {
        return octets().subspan(index * page_size, page_size);
    }

private:
    void swap(ForeignMapping& other) noexcept
    {
        std::swap(fmem_, other.fmem_);
        std::swap(address_, other.address_);
        std::swap(nr_pages_, other.nr_pages_);
    }

    xenforeignmemory_handle* fmem_ = nullptr;
    void* address_ = nullptr;
    std::size_t nr_pages_ = 0;
};

/// Maps frames of one domain. Keeps its scratch memory, so that a batch after the first one
/// allocates nothing.
class ForeignMapper {
public:
    ForeignMapper(const Host& host, std::uint32_t domid) noexcept : host_{host}, domid_{domid} {}

    /// Maps every frame of `gfns` (mfns of a PV domain), which must not be empty.
    /// @param pfn_of  the pfn at which the frame with this index stands, for an error to name; may be empty
    /// @throws Error{hypervisor} naming the first frame that cannot be mapped, with nothing mapped
    [[nodiscard]] ForeignMapping map(std::span<const std::uint64_t> gfns, Access access,
                                     const PfnOf& pfn_of = {});

    /// Maps those frames of `gfns`, which must not be empty, that can be mapped: a guest that runs may be giving some
    /// away. Pages of the others must not be touched.
    /// @throws Error{hypervisor} if nothing can be mapped at all
    [[nodiscard]] ForeignMapping map_some(std::span<const std::uint64_t> gfns, Access access,
                                          const PfnOf& pfn_of = {});
    /// True if the last map_some() mapped the frame with this index.
    [[nodiscard]] bool has_mapped(std::size_t index) const noexcept { return errors_[index] == 0; }

private:
    [[nodiscard]] Error failed(int errnum, std::span<const std::uint64_t> gfns, std::size_t index,
                               const PfnOf& pfn_of) const;

    const Host& host_;
    std::uint32_t domid_;
    std::vector<int> errors_;
};

}  // namespace sr
