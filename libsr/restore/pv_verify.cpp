// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing pages.
#include "libsr/restore/pv_verify.hpp"

#include "libsr/mem/localise.hpp"
#include "libsr/restore/pv_restore.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/xen/guest_frames.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace sr {

PvVerify::PvVerify(const PvState& pv, GuestMemory& memory)
    : pv_{pv}, memory_{memory}, octets_(limits::pages_per_record * page_size)
{
}

void PvVerify::compare_page_data(StreamReader& reader)
{
    auto entries = reader.read_page_data_head(*pv_.p2m.highest());
    while (!entries.empty()) {
        const auto some = entries.first(std::min(entries.size(), limits::pages_per_record));
        compare(reader, some);
        entries = entries.subspan(some.size());
    }
    reader.finish_body();
}

void PvVerify::compare(StreamReader& reader, std::span<const PageEntry> entries)
{
    nr_compared_ += entries.size();
    const auto nr_pages = static_cast<std::size_t>(std::count_if(
        entries.begin(), entries.end(), [](const PageEntry& e) { return has_contents(e); }));
    iovec whole = iovec_of(std::span{octets_}.first(nr_pages * page_size));
    reader.read_contents({&whole, 1});
    compare_holes(entries);
    entries_.clear();
    mfns_.clear();
    std::size_t index = 0;
    for (const PageEntry& entry : entries) {
        if (!has_contents(entry)) {
            continue;
        }
        const auto mfn = memory_.p2m().mfn_of(entry.pfn);
        if (!mfn) {
            differs(entry.pfn);
        } else {
            std::copy_n(arrived(index).begin(), page_size, arrived(mfns_.size()).begin());
            entries_.push_back(entry);
            mfns_.push_back(*mfn);
        }
        ++index;
    }
    compare_contents();
}

void PvVerify::compare_holes(std::span<const PageEntry> entries)
{
    for (const PageEntry& entry : entries) {
        const auto before = memory_.p2m().type_of(entry.pfn);
        if (!has_contents(entry) && before && has_contents(*before)) {
            differs(entry.pfn);
        }
    }
}

void PvVerify::compare_contents()
{
    if (mfns_.empty()) {
        return;
    }
    const ForeignMapping mapping = map_frames(memory_.mapper(), mfns_, Access::read);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const auto came = arrived(i);
        if (!localise(entries_[i], came) ||
            !std::equal(came.begin(), came.end(), mapping.page(i).begin())) {
            differs(entries_[i].pfn);
        }
    }
}

bool PvVerify::localise(const PageEntry& entry, std::span<std::byte> page) const
{
    if (!is_table(entry.type)) {
        return true;
    }
    const auto outcome =
        localise_table(page.first<page_size>(), entry.type, pv_.abi, *pv_.p2m.highest(),
                       [&](Pfn pfn) { return pv_.p2m.mfn_of(pfn); });
    if (!outcome && outcome.fault != TableFault::no_frame) {
        throw to_error(outcome, entry.pfn, entry.type);
    }
    return static_cast<bool>(outcome);
}

void PvVerify::differs(Pfn pfn)
{
    if (nr_differing_ < nr_named) {
        first_[nr_differing_] = pfn.number();
    }
    ++nr_differing_;
}

void PvVerify::require_equal() const
{
    if (nr_differing_ == 0) {
        return;
    }
    std::string named;
    for (std::size_t i = 0; i < std::min<std::uint64_t>(nr_differing_, nr_named); ++i) {
        std::array<char, 24> text{};
        (void)std::snprintf(text.data(), text.size(), " %#" PRIx64, first_[i]);
        named += text.data();
    }
    throw Error{Errc::mismatch,
                "%" PRIu64 " of %" PRIu64
                " pages that were sent again are not what the domain holds: pfn%s%s",
                nr_differing_,
                nr_compared_,
                named.c_str(),
                nr_differing_ > nr_named ? " ..." : ""}
        .with_pfn(first_[0]);
}

}  // namespace sr
