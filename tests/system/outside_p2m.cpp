// SPDX-License-Identifier: LGPL-2.1-or-later
// Mapping a guest's p2m and writing to it.
#include "tests/system/outside_p2m.hpp"

#include "libsr/base/bytes.hpp"

#include <stdexcept>
#include <sys/mman.h>
#include <utility>

namespace sr::test {
namespace {

constexpr int page_octets = 4096;

void must(bool succeeded, const char* call)
{
    if (!succeeded) {
        throw std::runtime_error{call};
    }
}

}  // namespace

void OutsideP2m::Unmapper::operator()(std::byte* page) const noexcept
{
    (void)::munmap(page, page_octets);
}

OutsideP2m::Page OutsideP2m::map(std::uint64_t mfn) const
{
    const xen_pfn_t frame = mfn;
    void* const page =
        xenforeignmemory_map(memory_.get(), domid_, PROT_READ | PROT_WRITE, 1, &frame, nullptr);
    must(page != nullptr, "xenforeignmemory_map");
    return Page{static_cast<std::byte*>(page)};
}

OutsideP2m::OutsideP2m(std::uint32_t domid)
    : xch_{xc_interface_open(nullptr, nullptr, 0), &xc_interface_close}, xcall_{xencall_open(
                                                                                    nullptr, 0),
                                                                                &xencall_close},
      memory_{xenforeignmemory_open(nullptr, 0), &xenforeignmemory_close}, domid_{domid}
{
    xc_dominfo_t info{};
    must(xc_domain_getinfo(xch_.get(), domid, 1, &info) == 1, "xc_domain_getinfo");
    const Page shared = map(info.shared_info_frame);
    const auto arch =
        load<arch_shared_info>({shared.get(), page_octets}, offsetof(shared_info, arch));
    nr_pfns_ = arch.max_pfn;
    std::vector<std::uint64_t> leaf_mfns;
    for (std::uint64_t pfn = 0; pfn < nr_pfns_; pfn += per_leaf) {
        leaf_mfns.push_back(
            xc_translate_foreign_address(xch_.get(), domid, 0, arch.p2m_vaddr + pfn * 8));
        leaves_.push_back(map(leaf_mfns.back()));
    }
    leaf_pfns_.resize(leaf_mfns.size());
    for (std::uint64_t pfn = 0; pfn < nr_pfns_; ++pfn) {
        for (std::size_t leaf = 0; leaf < leaf_mfns.size(); ++leaf) {
            leaf_pfns_[leaf] = entry(pfn) == leaf_mfns[leaf] ? pfn : leaf_pfns_[leaf];
        }
    }
}

std::uint64_t& OutsideP2m::entry(std::uint64_t pfn)
{
    std::byte* const leaf = leaves_.at(pfn / per_leaf).get();
    return reinterpret_cast<std::uint64_t*>(leaf)[pfn % per_leaf];  // NOLINT: entries of a p2m
}

void OutsideP2m::set_m2p(std::uint64_t mfn, std::uint64_t pfn)
{
    auto* const update =
        static_cast<mmu_update_t*>(xencall_alloc_buffer(xcall_.get(), sizeof(mmu_update_t)));
    must(update != nullptr, "xencall_alloc_buffer");
    *update = {mfn << 12 | MMU_MACHPHYS_UPDATE, pfn};
    const int result = xencall4(xcall_.get(), __HYPERVISOR_mmu_update,
                                reinterpret_cast<std::uintptr_t>(update), 1, 0, domid_);  // NOLINT
    xencall_free_buffer(xcall_.get(), update);
    must(result == 0, "MMU_MACHPHYS_UPDATE");
}

void OutsideP2m::swap(std::uint64_t one, std::uint64_t other)
{
    std::swap(entry(one), entry(other));
    for (const std::uint64_t pfn : {one, other}) {
        set_m2p(entry(pfn), pfn);
        mark_entry_dirty(pfn);
    }
}

void OutsideP2m::change_page(std::uint64_t mfn)
{
    *map(mfn) ^= std::byte{0x40};
}

}  // namespace sr::test
