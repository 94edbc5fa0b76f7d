// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_restore() of streams whose pages come a second time, to be compared.
#include "tests/system/saved_guest.hpp"

#include <algorithm>

namespace sr::test {
namespace {

class VerifyRestore : public SavedGuest {
protected:
    void SetUp() override
    {
        SavedGuest::SetUp();
        pages_ = pages_of(split(saves_.front()));
    }

    /// The first save, and these pages behind a VERIFY record.
    [[nodiscard]] Octets followed_by(const StreamPages& pages) const
    {
        StreamPieces stream = split(saves_.front());
        auto place =
            std::find_if(stream.records.rbegin(), stream.records.rend(), [](const RecordPiece& r) {
                return r.type == RecordType::page_data;
            }).base();
        auto more = page_records(pages);
        more.insert(more.begin(), {RecordType::verify, {}});
        stream.records.insert(place, more.begin(), more.end());
        return join(stream);
    }

    [[nodiscard]] StreamPages::value_type& first_with(PageType type)
    {
        const auto found = std::find_if(pages_.begin(), pages_.end(), [=](const auto& page) {
            return without_pin(page.second.type) == type;
        });
        if (found == pages_.end()) {
            throw std::runtime_error{"no such page"};
        }
        return *found;
    }

    void expect_difference(std::uint64_t pfn)
    {
        EXPECT_EQ(restore(followed_by(pages_), SR_STREAM_PLAIN), -1);
        EXPECT_EQ(error_.error_class, SR_ERROR_MISMATCH) << error_.message;
        EXPECT_EQ(error_.pfn, pfn) << error_.message;
        EXPECT_EQ(error_.record_type, to_wire(RecordType::end));
        EXPECT_NE(std::string{error_.message}.find(" 1 of " + std::to_string(pages_.size())),
                  std::string::npos)
            << error_.message;
        EXPECT_EQ(recorder_.results.size(), 0U);
        expect_nothing_left();
    }

    StreamPages pages_;
};

TEST_F(VerifyRestore, FindsTablesAndMemoryEqual)
{
    ASSERT_EQ(restore(followed_by(pages_), SR_STREAM_PLAIN), 0) << error_.message;
    expect_lives_on_from(0);
}

TEST_F(VerifyRestore, FindsAnOctetOfMemory)
{
    auto& [pfn, page] = first_with(PageType::notab);
    page.contents[4095] ^= std::byte{1};
    expect_difference(pfn);
}

TEST_F(VerifyRestore, ASecondComparisonDoesNotUndoTheFirst)
{
    const StreamPages right = pages_;
    first_with(PageType::notab).second.contents[4095] ^= std::byte{1};
    StreamPieces stream = split(followed_by(pages_));
    auto more = page_records(right);
    more.insert(more.begin(), {RecordType::verify, {}});
    const auto place =
        std::find_if(stream.records.rbegin(), stream.records.rend(), [](const RecordPiece& r) {
            return r.type == RecordType::page_data;
        }).base();
    stream.records.insert(place, more.begin(), more.end());
    EXPECT_EQ(restore(join(stream), SR_STREAM_PLAIN), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_MISMATCH) << error_.message;
    expect_nothing_left();
}

TEST_F(VerifyRestore, FindsAFlagOfATable)
{
    auto& [pfn, page] = first_with(PageType::l1);
    page.contents[511 * 8 + 1] ^= std::byte{2};  // one that software may use
    expect_difference(pfn);
}

TEST_F(VerifyRestore, FindsAnotherFrameInATable)
{
    auto& [pfn, page] = first_with(PageType::l2);
    for (std::size_t slot = 0; slot < 512; ++slot) {
        const auto entry = load<std::uint64_t>(page.contents, slot * 8);
        if ((entry & 1U) != 0) {
            store<std::uint64_t>(page.contents, slot * 8, entry ^ 0x1000U);
            break;
        }
    }
    expect_difference(pfn);
}

TEST_F(VerifyRestore, FindsAPageThatIsGone)
{
    auto& [pfn, page] = first_with(PageType::notab);
    page = {PageType::xtab, {}};
    expect_difference(pfn);
}

TEST_F(VerifyRestore, FindsAPageThatWasNotThere)
{
    std::uint64_t hole = 0;
    while (pages_.contains(hole) && pages_[hole].type != PageType::xtab) {
        ++hole;
    }
    pages_[hole] = {PageType::notab, Octets(page_size)};
    expect_difference(hole);
}

TEST_F(VerifyRestore, NamesTheFirstOfMany)
{
    std::uint64_t nr_changed = 0;
    for (auto& [pfn, page] : pages_) {
        if (page.type == PageType::notab) {
            page.contents[0] ^= std::byte{0x10};
            ++nr_changed;
        }
    }
    EXPECT_EQ(restore(followed_by(pages_), SR_STREAM_PLAIN), -1);
    EXPECT_EQ(error_.pfn, first_with(PageType::notab).first);
    const std::string message = error_.message;
    EXPECT_NE(message.find(std::to_string(nr_changed) + " of "), std::string::npos) << message;
    EXPECT_EQ(std::count(message.begin(), message.end(), 'x'), 8)
        << message;  // offset and pfns, 0 being one
    EXPECT_NE(message.find("..."), std::string::npos) << message;
}

}  // namespace
}  // namespace sr::test
