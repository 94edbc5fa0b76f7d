// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest memory through libxenforeignmemory.
#include "libsr/xen/foreign_mapping.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <sys/mman.h>

namespace sr {
namespace {

int protection_of(Access access) noexcept
{
    switch (access) {
    case Access::read:
        return PROT_READ;
    case Access::write:
        return PROT_WRITE;
    case Access::read_write:
        return PROT_READ | PROT_WRITE;
    }
    return PROT_NONE;
}

}  // namespace

ForeignMapping::~ForeignMapping()
{
    if (address_ != nullptr) {
        (void)xenforeignmemory_unmap(fmem_, address_, nr_pages_);
    }
}

Error ForeignMapper::failed(int errnum, std::span<const std::uint64_t> gfns, std::size_t index,
                            const PfnOf& pfn_of) const
{
    constexpr const char* call = "xenforeignmemory_map";
    if (!pfn_of) {
        return call_failed(call, errnum, "mapping frame %#" PRIx64 " of domain %u, one of %zu",
                           gfns[index], domid_, gfns.size());
    }
    const std::uint64_t pfn = pfn_of(index);
    return call_failed(call, errnum,
                       "mapping pfn %#" PRIx64 " (frame %#" PRIx64 ") of domain %u, one of %zu",
                       pfn, gfns[index], domid_, gfns.size())
        .with_pfn(pfn);
}

ForeignMapping ForeignMapper::map_some(std::span<const std::uint64_t> gfns, Access access,
                                       const PfnOf& pfn_of)
{
    static_assert(sizeof(xen_pfn_t) == sizeof(std::uint64_t));
    errors_.assign(gfns.size(), 0);
    void* address = xenforeignmemory_map(host_.fmem(), domid_, protection_of(access), gfns.size(),
                                         gfns.data(), errors_.data());
    if (address == nullptr) {
        throw failed(errno, gfns, 0, pfn_of);
    }
    return {host_.fmem(), address, gfns.size()};
}

ForeignMapping ForeignMapper::map(std::span<const std::uint64_t> gfns, Access access,
                                  const PfnOf& pfn_of)
{
    ForeignMapping mapping = map_some(gfns, access, pfn_of);
    const auto bad = std::find_if(errors_.begin(), errors_.end(), [](int e) { return e != 0; });
    if (bad != errors_.end()) {
        throw failed(-*bad, gfns, static_cast<std::size_t>(bad - errors_.begin()), pfn_of);
    }
    return mapping;
}

}  // namespace sr
