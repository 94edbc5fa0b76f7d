// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing memory, page by page, by the last that each stream says of it.
#include "tools/xsr/diff_guests.hpp"

#include <memory>

namespace sr {
namespace {

class PageComparison {
public:
    PageComparison(const GuestImage& a, const GuestImage& b) : a_{a}, b_{b} {}

    [[nodiscard]] PageDifferences run();

private:
    void compare(std::uint64_t pfn, const PageState& in_a, const PageState& in_b);
    void note_contents(std::uint64_t pfn);
    [[nodiscard]] bool have_equal_contents(const PageState& in_a, const PageState& in_b);

    const GuestImage& a_;
    const GuestImage& b_;
    PageDifferences found_;
    std::unique_ptr<std::array<PageContents, 2>> pages_ =
        std::make_unique<std::array<PageContents, 2>>();
};

bool PageComparison::have_equal_contents(const PageState& in_a, const PageState& in_b)
{
    a_.read_page(in_a, (*pages_)[0]);
    b_.read_page(in_b, (*pages_)[1]);
    return (*pages_)[0] == (*pages_)[1];
}

void PageComparison::note_contents(std::uint64_t pfn)
{
    if (a_.is_p2m_frame(pfn) || b_.is_p2m_frame(pfn)) {
        found_.p2m_leaves.add(pfn);
    } else if (pfn == a_.start_info_pfn() && pfn == b_.start_info_pfn()) {
        found_.start_info.add(pfn);
    } else {
        found_.contents.add(pfn);
    }
}

void PageComparison::compare(std::uint64_t pfn, const PageState& in_a, const PageState& in_b)
{
    bool is_equal = true;
    if (in_a.type != in_b.type) {
        found_.types[{in_a.type, in_b.type}].add(pfn);
        is_equal = false;
    }
    if (has_contents(in_a.type) && has_contents(in_b.type) && !have_equal_contents(in_a, in_b)) {
        note_contents(pfn);
        is_equal = false;
    }
    found_.nr_equal += is_equal ? 1 : 0;
}

PageDifferences PageComparison::run()
{
    a_.for_each_page([&](std::uint64_t pfn, const PageState& in_a) {
        const PageState in_b = b_.page(pfn);
        if (in_b.exists()) {
            compare(pfn, in_a, in_b);
        } else {
            found_.only_in_a.add(pfn);
        }
    });
    b_.for_each_page([&](std::uint64_t pfn, const PageState& /*in_b*/) {
        if (!a_.page(pfn).exists()) {
            found_.only_in_b.add(pfn);
        }
    });
    return std::move(found_);
}

}  // namespace

std::uint64_t PageDifferences::nr_unexpected() const noexcept
{
    std::uint64_t count = contents.count() + only_in_a.count() + only_in_b.count();
    for (const auto& [pair, pfns] : types) {
        count += pfns.count();
    }
    return count;
}

PageDifferences compare_pages(const GuestImage& a, const GuestImage& b)
{
    return PageComparison{a, b}.run();
}

}  // namespace sr
