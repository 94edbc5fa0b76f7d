// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's plan of its memory and its first page tables.
#include "tests/fakexen/guest/page_tables.hpp"
#include "tests/fakexen/guest/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace fakexen::guest {
namespace {

constexpr std::uint64_t mib = 256;  ///< pages

std::uint64_t nr_with_frames(const Plan& plan)
{
    return static_cast<std::uint64_t>(
        std::count_if(plan.records.begin(), plan.records.end(),
                      [](const PageRecord& record) { return record.role != Role::hole; }));
}

TEST(GuestPlan, UsesAllMemoryWithoutHoles)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib}, abi64);
    EXPECT_EQ(plan.nr_pfns, 16 * mib);
    EXPECT_EQ(nr_with_frames(plan), 16 * mib);
    EXPECT_EQ(plan.leaf_pages.size(), 16 * mib / 512);
}

TEST(GuestPlan, KeepsTheFixedStructuresApart)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib, .nr_vcpus = 4}, abi64);
    const Places& at = plan.places;
    const std::vector<std::uint64_t> order = {
        0,          at.start_info,  at.console_ring, at.store_ring, plan.state,    at.gdt,
        at.records, at.p2m_missing, at.frame_list,   at.tables,     at.p2m_leaves, at.data};
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), std::less_equal{}));
    EXPECT_EQ(at.records - at.gdt, 4U);
    EXPECT_EQ(std::set(order.begin(), order.end()).size(), order.size());
    for (std::uint64_t pfn = 1; pfn < at.tables; ++pfn) {
        EXPECT_EQ(plan.records[pfn].role,
                  pfn >= at.gdt && pfn < at.records ? Role::gdt : Role::fixed);
    }
}

TEST(GuestPlan, LeavesHolesOnlyInData)
{
    const Plan plan = make_plan(
        {.memory_pages = 16 * mib, .nr_holes = 300, .trailing_holes = 700, .seed = 7}, abi64);
    EXPECT_EQ(plan.nr_pfns, 16 * mib + 700);
    EXPECT_LT(nr_with_frames(plan), 16 * mib);
    EXPECT_GE(nr_with_frames(plan), 16 * mib - 300);
    for (std::uint64_t pfn = 0; pfn < plan.nr_pfns; ++pfn) {
        if (pfn < plan.places.data) {
            EXPECT_NE(plan.records[pfn].role, Role::hole);
        } else if (pfn >= 16 * mib) {
            EXPECT_EQ(plan.records[pfn].role, Role::hole);
        }
    }
    EXPECT_EQ(plan.leaf_pages.back(), plan.places.p2m_missing);
}

TEST(GuestPlan, SharesOnePageForEmptyPartsOfASparseP2m)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib, .nr_pfns = 300000, .seed = 1}, abi64);
    EXPECT_EQ(plan.nr_pfns, 300000U);
    EXPECT_LE(nr_with_frames(plan), 16 * mib);
    EXPECT_GT(nr_with_frames(plan), 12 * mib);
    const auto missing =
        std::count(plan.leaf_pages.begin(), plan.leaf_pages.end(), plan.places.p2m_missing);
    EXPECT_GT(missing, 400);
    EXPECT_EQ(plan.leaf_pages.size(), plan.places.nr_leaves + static_cast<std::uint64_t>(missing));
}

TEST(GuestPlan, IsTheSameForTheSameSeed)
{
    const Shape shape = {.memory_pages = 8 * mib, .nr_holes = 50, .seed = 3};
    Shape other = shape;
    other.seed = 4;
    const auto roles = [](const Plan& plan) {
        std::vector<Role> all;
        for (const PageRecord& record : plan.records) {
            all.push_back(record.role);
        }
        return all;
    };
    EXPECT_EQ(roles(make_plan(shape, abi64)), roles(make_plan(shape, abi64)));
    EXPECT_NE(roles(make_plan(shape, abi64)), roles(make_plan(other, abi64)));
}

TEST(GuestPlan, RefusesTooLittleMemory)
{
    EXPECT_THROW((void)make_plan({.memory_pages = 64}, abi64), std::invalid_argument);
}

std::uint64_t walk(const PageTables& tables, Va va)
{
    std::uint64_t pfn = tables.tables().front().pfn;
    for (unsigned level = 4; level != 0; --level) {
        const auto found =
            std::find_if(tables.tables().begin(), tables.tables().end(),
                         [&](const PageTables::Table& table) { return table.pfn == pfn; });
        if (found == tables.tables().end() || found->level != level) {
            return no_mfn;
        }
        pfn = pte::frame(found->entries[Abi::slot(va, level)]);
    }
    return pfn;
}

TEST(GuestPageTables, MapWhatTheyWereToldTo)
{
    PageTables tables{abi64, 100, 120};
    const Va high =
        abi64.p2m_list + (std::uint64_t{1} << 30) - page_size;  // the next page needs a new L2
    tables.map(abi64.direct(5), 5, pte::read_write);
    tables.map(high, 6, pte::read_only);
    tables.map(high + page_size, 7, pte::read_only);
    EXPECT_EQ(walk(tables, abi64.direct(5)), 5U);
    EXPECT_EQ(walk(tables, high), 6U);
    EXPECT_EQ(walk(tables, high + page_size), 7U);
    EXPECT_EQ(tables.tables().size(), 1U + 3U + 3U + 2U);
    EXPECT_EQ(tables.next_pfn(), 109U);
}

TEST(GuestPageTables, StopAtTheirLimit)
{
    PageTables tables{abi64, 100, 103};
    EXPECT_THROW(tables.prepare(abi64.direct(0)), std::length_error);
}

}  // namespace
}  // namespace fakexen::guest
