// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing memory, page by page, by the last that each stream says of it.
#include "tools/xsr/diff_guests.hpp"
#include "tools/xsr/guest_fields.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

namespace sr {
namespace {

/// struct xenstore_domain_interface (public/io/xs_wire.h): two rings of 1024 octets, then their
/// indices and the state of the connection, which xenstored sets when a domain is introduced.
constexpr std::size_t ring_state_at = 2048;
constexpr std::size_t ring_state_length = 28;

/// The page of the ring to xenstored, as start_info names it.
std::optional<std::uint64_t> store_ring_pfn(const GuestImage& guest)
{
    const auto start_info = guest.start_info_pfn();
    const PageState state = start_info ? guest.page(*start_info) : PageState{};
    if (!has_contents(state.type)) {
        return std::nullopt;
    }
    const auto page = std::make_unique<PageContents>();
    guest.read_page(state, *page);
    for (const GuestField& field : start_info_fields(guest.width())) {
        if (std::string_view{field.name} == "store_mfn") {
            return value_of(field, 0, *page);
        }
    }
    return std::nullopt;
}

bool differ_in_ring_state_only(PageContents& a, PageContents& b)
{
    std::fill_n(a.begin() + ring_state_at, ring_state_length, std::byte{0});
    std::fill_n(b.begin() + ring_state_at, ring_state_length, std::byte{0});
    return a == b;
}

class PageComparison {
public:
    PageComparison(const GuestImage& a, const GuestImage& b)
        : a_{a}, b_{b}, store_ring_{store_ring_pfn(a)}
    {
    }

    [[nodiscard]] PageDifferences run();

private:
    void compare(std::uint64_t pfn, const PageState& in_a, const PageState& in_b);
    void note_contents(std::uint64_t pfn);
    [[nodiscard]] bool have_equal_contents(const PageState& in_a, const PageState& in_b);

    const GuestImage& a_;
    const GuestImage& b_;
    std::optional<std::uint64_t> store_ring_;
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
    } else if (pfn == store_ring_ && differ_in_ring_state_only((*pages_)[0], (*pages_)[1])) {
        found_.store_ring.add(pfn);
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
