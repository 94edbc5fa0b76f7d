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

ForeignMapping ForeignMapper::map(std::span<const std::uint64_t> gfns, Access access)
{
    static_assert(sizeof(xen_pfn_t) == sizeof(std::uint64_t));
    constexpr const char* call = "xenforeignmemory_map";
    errors_.assign(gfns.size(), 0);
    void* address = xenforeignmemory_map(host_.fmem(), domid_, protection_of(access), gfns.size(),
                                         gfns.data(), errors_.data());
    if (address == nullptr) {
        throw call_failed(call, errno, "mapping %zu frames of domain %u from %#" PRIx64 " on",
                          gfns.size(), domid_, gfns.front());
    }
    ForeignMapping mapping{host_.fmem(), address, gfns.size()};
    const auto bad = std::find_if(errors_.begin(), errors_.end(), [](int e) { return e != 0; });
    if (bad != errors_.end()) {
        const auto index = static_cast<std::size_t>(bad - errors_.begin());
        throw call_failed(call, -*bad, "mapping frame %#" PRIx64 " of domain %u", gfns[index],
                          domid_);
    }
    return mapping;
}

}  // namespace sr
