// SPDX-License-Identifier: LGPL-2.1-or-later
// struct arch_shared_info (xen/arch-x86/xen.h): a linear list by p2m_cr3 and p2m_vaddr, or a list
// of lists of frames.
#include "tests/fakexen/guest/p2m_publish.hpp"

#include <cinttypes>

namespace fakexen::guest {

namespace {

/// The frame of page n of the p2m, as the kernel's tables map it.
Mfn p2m_page(const Kernel& kernel, std::uint64_t n)
{
    const Va va = kernel.state.settings.p2m_vaddr + n * page_size;
    const auto mapping = kernel.space().find(va);
    if (!mapping) {
        throw PageFault{va, "the p2m list is not mapped"};
    }
    return mapping->mfn;
}

/// The upper two levels of the tree. They hold machine frames, so they are written anew after every
/// restore.
void write_frame_lists(const Kernel& kernel)
{
    const std::uint64_t per_page = page_size / kernel.abi().width;
    const std::uint64_t nr_pages = (kernel.state.settings.nr_pfns + per_page - 1) / per_page;
    const Places& at = kernel.state.places;
    for (std::uint64_t list = 0; list < per_page; ++list) {
        const bool used = list * per_page < nr_pages;
        kernel.store(at.frame_list, list * kernel.abi().width,
                     used ? kernel.p2m(at.frame_list + 1 + list) : Mfn{0});
    }
    for (std::uint64_t n = 0; n < (at.nr_frame_list - 1) * per_page; ++n) {
        const Mfn leaf = n < nr_pages ? p2m_page(kernel, n) : kernel.p2m(at.p2m_missing);
        kernel.store(at.frame_list + 1 + n / per_page, n % per_page * kernel.abi().width, leaf);
    }
}

}  // namespace

void map_shared_info(const Kernel& kernel)
{
    const std::uint64_t address = kernel.start_info().shared_info;
    must(kernel.machine().update_va_mapping(kernel.shared_info_va(), address | pte::read_write),
         "mapping shared_info");
}

void unmap_shared_info(const Kernel& kernel)
{
    must(kernel.machine().update_va_mapping(kernel.shared_info_va(), 0), "unmapping shared_info");
}

void publish_p2m(const Kernel& kernel)
{
    const Va va = kernel.shared_info_va() + offsetof(shared_info_t, arch);
    auto arch = kernel.space().load<arch_shared_info_t>(va);
    arch.max_pfn = kernel.state.settings.nr_pfns;
    arch.p2m_generation = kernel.state.p2m_generation;
    if (kernel.state.settings.p2m_kind == P2mKind::list) {
        arch.pfn_to_mfn_frame_list_list = no_mfn;
        arch.p2m_cr3 = kernel.p2m(kernel.state.places.top_table) << 12;
        arch.p2m_vaddr = kernel.state.settings.p2m_vaddr;
    } else {
        write_frame_lists(kernel);
        arch.pfn_to_mfn_frame_list_list = kernel.p2m(kernel.state.places.frame_list);
        arch.p2m_cr3 = 0;
        arch.p2m_vaddr = 0;
    }
    kernel.space().store(va, arch);
}

}  // namespace fakexen::guest
