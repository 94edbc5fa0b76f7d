// SPDX-License-Identifier: LGPL-2.1-or-later
// Replacing pages of the p2m.
#include "tests/fakexen/guest/p2m_moves.hpp"

#include "tests/fakexen/guest/p2m_publish.hpp"
#include "tests/fakexen/guest/pages.hpp"

#include <array>

namespace fakexen::guest {

namespace {

void move_p2m_page(Kernel& kernel, std::uint64_t n)
{
    using Page = std::array<std::byte, page_size>;
    const Va va = kernel.state.settings.p2m_vaddr + n * page_size;
    const auto mapping = kernel.space().find(va);
    const auto to = kernel.pick_free_data();
    if (!mapping || !to) {
        return;
    }
    const auto from = kernel.pfn_of(mapping->mfn);
    kernel.set_record(*to, {0, Role::fixed, 0, 0});
    kernel.store(*to, 0, kernel.space().load<Page>(va));
    const bool is_list = kernel.state.settings.p2m_kind == P2mKind::list;
    if (is_list) {
        bump_p2m_generation(kernel);
    }
    const auto entry = pte::make(kernel.p2m(*to), pte::read_write);
    must(kernel.machine().update_va_mapping(va, entry), "moving a page of the p2m");
    if (is_list) {
        bump_p2m_generation(kernel);
    } else {
        publish_p2m_page(kernel, n);
    }
    if (from && *from != kernel.state.places.p2m_missing) {
        kernel.set_record(*from, {0, Role::data, 0, 0});
        rewrite_page(kernel, *from);
    }
}

}  // namespace

void work_on_p2m(Kernel& kernel)
{
    const Settings& settings = kernel.state.settings;
    if (settings.p2m_move_period != 0 && kernel.state.count % settings.p2m_move_period == 0) {
        const std::uint64_t per_page = page_size / kernel.abi().width;
        move_p2m_page(kernel, kernel.random().below((settings.nr_pfns + per_page - 1) / per_page));
    }
}

}  // namespace fakexen::guest
