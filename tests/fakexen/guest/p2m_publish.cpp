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

void write_leaf_entry(const Kernel& kernel, std::uint64_t n, Mfn leaf)
{
    const std::uint64_t per_page = page_size / kernel.abi().width;
    kernel.store_entry(kernel.state.places.frame_list + 1 + n / per_page, n % per_page, leaf);
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
        kernel.store_entry(at.frame_list, list, used ? kernel.p2m(at.frame_list + 1 + list) : 0);
    }
    for (std::uint64_t n = 0; n < (at.nr_frame_list - 1) * per_page; ++n) {
        const Mfn leaf = n < nr_pages ? p2m_page(kernel, n) : kernel.p2m(at.p2m_missing);
        write_leaf_entry(kernel, n, leaf);
    }
}

}  // namespace

void map_shared_info(const Kernel& kernel)
{
    const std::uint64_t address = kernel.start_info(kernel.abi().start_info.shared_info);
    must(kernel.machine().update_va_mapping(kernel.shared_info_va(), address | pte::read_write),
         "mapping shared_info");
}

void unmap_shared_info(const Kernel& kernel)
{
    must(kernel.machine().update_va_mapping(kernel.shared_info_va(), 0), "unmapping shared_info");
}

void publish_p2m(const Kernel& kernel)
{
    const SharedInfoFields& fields = kernel.abi().shared_info;
    const Places& at = kernel.state.places;
    const bool list = kernel.state.settings.p2m_kind == P2mKind::list;
    if (!list) {
        write_frame_lists(kernel);
    }
    kernel.set_shared_info(fields.max_pfn, kernel.state.settings.nr_pfns);
    kernel.set_shared_info(fields.p2m_generation, kernel.state.p2m_generation);
    kernel.set_shared_info(fields.frame_list_list, list ? no_mfn : kernel.p2m(at.frame_list));
    kernel.set_shared_info(fields.p2m_cr3,
                           list ? kernel.abi().cr3_of(kernel.p2m(at.top_table)) : 0);
    kernel.set_shared_info(fields.p2m_vaddr, list ? kernel.state.settings.p2m_vaddr : 0);
}

void publish_p2m_page(const Kernel& kernel, std::uint64_t n)
{
    write_leaf_entry(kernel, n, p2m_page(kernel, n));
}

void bump_p2m_generation(Kernel& kernel)
{
    ++kernel.state.p2m_generation;
    kernel.set_shared_info(kernel.abi().shared_info.p2m_generation, kernel.state.p2m_generation);
}

}  // namespace fakexen::guest
