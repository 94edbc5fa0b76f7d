// SPDX-License-Identifier: LGPL-2.1-or-later
// Laying out a new guest: the fixed structures first, then tables, then data with its holes.
#include "tests/fakexen/guest/plan.hpp"

#include "tests/fakexen/guest/random.hpp"

#include <algorithm>
#include <stdexcept>

namespace fakexen::guest {

namespace {

constexpr std::uint64_t region_pages = entries_per_table;  ///< what one L1 maps

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b)
{
    return (a + b - 1) / b;
}

/// pfns with a frame, and without: records of role data and hole.
std::vector<PageRecord> populate(const Shape& shape, std::uint64_t nr_pfns,
                                 std::uint64_t first_free)
{
    std::vector<PageRecord> records(nr_pfns, PageRecord{0, Role::hole, 0, 0});
    std::uint64_t random = shape.seed;
    Random dice{random};
    const std::uint64_t end = nr_pfns - shape.trailing_holes;
    // Without a sparse p2m everything below the trailing holes has a frame. With one the first half
    // of memory is dense and the rest comes in clusters anywhere.
    const bool sparse = end > shape.memory_pages + shape.nr_holes;
    const std::uint64_t dense = sparse ? std::max(first_free + 64, shape.memory_pages / 2) : end;
    std::uint64_t left = shape.memory_pages - std::min(dense, shape.memory_pages);
    const PageRecord page{0, Role::data, 0, 0};
    std::fill_n(records.begin(), dense, page);
    while (sparse && left != 0) {
        const std::uint64_t length = std::min<std::uint64_t>(left, 1 + dice.below(200));
        const std::uint64_t start = dense + dice.below(end - dense - length);
        std::fill_n(records.begin() + static_cast<std::ptrdiff_t>(start), length, page);
        left -= length;
    }
    for (std::uint64_t n = 0; n < shape.nr_holes; ++n) {
        const bool identity = shape.identity_holes && n % 2 == 1;
        records[first_free + dice.below(end - first_free)] = {
            0, Role::hole, static_cast<std::uint8_t>(identity ? 1 : 0), 0};
    }
    return records;
}

/// How many tables the kernel can need at most: for the direct map, the p2m list and the fixmap.
std::uint64_t count_tables(const Shape& shape, std::uint64_t nr_pfns, std::uint64_t nr_p2m_pages)
{
    const std::uint64_t regions = divide_up(nr_pfns, region_pages);
    const std::uint64_t clusters = shape.memory_pages / region_pages + shape.memory_pages / 50 + 8;
    const std::uint64_t l1 = std::min(regions, clusters) + nr_p2m_pages / region_pages + 2 + 1;
    return l1 + l1 / region_pages + nr_pfns / (region_pages * region_pages) + 10;
}

/// Hands out pfns from 1 upwards.
class Allocator {
public:
    std::uint64_t take(std::uint64_t n = 1)
    {
        next_ += n;
        return next_ - n;
    }

private:
    std::uint64_t next_ = 1;  // pfn 0 is ordinary memory, and the kernel's zero page
};

}  // namespace

Plan make_plan(const Shape& shape, const Abi& abi)
{
    Plan plan;
    plan.nr_pfns = shape.nr_pfns != 0 ? shape.nr_pfns : shape.memory_pages + shape.trailing_holes;
    plan.p2m_vaddr = abi.p2m_list + shape.p2m_offset;
    if (abi.direct(plan.nr_pfns) > abi.p2m_list ||
        plan.p2m_vaddr + plan.nr_pfns * abi.width > abi.p2m_limit) {
        throw std::invalid_argument{"the address space has no room for so many pfns"};
    }
    const std::uint64_t per_leaf = page_size / abi.width;
    const std::uint64_t nr_p2m_pages = divide_up(plan.nr_pfns, per_leaf);
    Places& at = plan.places;
    Allocator pfns;
    at.start_info = pfns.take();
    at.console_ring = pfns.take();
    at.store_ring = pfns.take();
    plan.state = pfns.take();
    at.gdt = pfns.take(shape.nr_vcpus);
    at.vcpu_info = pfns.take(divide_up(shape.nr_vcpus, vcpu_infos_per_page));
    at.records = pfns.take(divide_up(plan.nr_pfns * sizeof(PageRecord), page_size));
    at.grants = pfns.take(divide_up(shape.nr_grant_refs * sizeof(GrantRecord), page_size));
    at.p2m_missing = pfns.take();
    at.nr_frame_list = 1 + divide_up(nr_p2m_pages, per_leaf);
    at.frame_list = pfns.take(at.nr_frame_list);
    at.tables = pfns.take(count_tables(shape, plan.nr_pfns, nr_p2m_pages));
    plan.table_limit = at.p2m_leaves = pfns.take(nr_p2m_pages);
    at.data = pfns.take(0);
    if (at.data + 64 > shape.memory_pages || plan.nr_pfns < at.data + shape.trailing_holes + 64) {
        throw std::invalid_argument{"too little memory: the kernel itself takes " +
                                    std::to_string(at.data) + " pages"};
    }
    plan.records = populate(shape, plan.nr_pfns, at.data);
    std::for_each_n(plan.records.begin(), at.data, [](PageRecord& r) { r.role = Role::fixed; });
    plan.records[0].role = Role::data;
    std::for_each_n(plan.records.begin() + static_cast<std::ptrdiff_t>(at.gdt), shape.nr_vcpus,
                    [](PageRecord& r) { r.role = Role::gdt; });

    // A p2m page that would hold nothing but holes is the missing page; what it saves is plain
    // data.
    std::uint64_t next_leaf = at.p2m_leaves;
    for (std::uint64_t n = 0; n < nr_p2m_pages; ++n) {
        const auto first = plan.records.begin() + static_cast<std::ptrdiff_t>(n * per_leaf);
        const auto last = plan.records.begin() +
                          static_cast<std::ptrdiff_t>(std::min((n + 1) * per_leaf, plan.nr_pfns));
        const bool empty = std::all_of(first, last, [](const PageRecord& record) {
            return record.role == Role::hole && record.level == 0;
        });
        plan.leaf_pages.push_back(empty ? at.p2m_missing : next_leaf++);
    }
    at.nr_leaves = next_leaf - at.p2m_leaves;
    for (std::uint64_t pfn = next_leaf; pfn < at.data; ++pfn) {
        plan.records[pfn].role = Role::data;
    }
    return plan;
}

}  // namespace fakexen::guest
