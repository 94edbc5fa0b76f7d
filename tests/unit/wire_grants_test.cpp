// SPDX-License-Identifier: LGPL-2.1-or-later
// Our extension records: golden octets both ways, every truncation, each field out of its range, and their place.
#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/order.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sr {
namespace {

using test::error_of;
using test::golden_body;
using test::message_of;

constexpr Pfn highest{15};

const GrantTableInfo info_v2{GrantVersion::v2, 9, 64, GrantVersion::v2};
const GrantTableInfo info_v1{GrantVersion::v1, 4, 32, std::nullopt};

GrantTableEntries table_v2()
{
    GrantTableEntries table{GrantVersion::v2, 2, {}};
    table.entries.push_back(
        {.ref = 8, .flags = 0x005, .domid = 1, .status = 0x08, .frame = Pfn{12}});
    table.entries.push_back({.ref = 9, .flags = 0x101, .domid = 0, .frame = Pfn{13}});
    table.entries.back().sub_page = {512, 128};
    table.entries.push_back({.ref = 10, .flags = 0x003, .domid = 2});
    table.entries.back().source = {3, 0x0102'0304};
    table.entries.push_back({.ref = 11, .flags = 0x002, .domid = 2});
    table.entries.push_back({.ref = 511, .flags = 0, .domid = 1, .status = 0x18});
    for (StreamGrantEntry& entry : table.entries) {
        entry.version = GrantVersion::v2;
    }
    return table;
}

GrantTableEntries table_v1()
{
    GrantTableEntries table{GrantVersion::v1, 1, {}};
    table.entries.push_back({.ref = 0, .flags = 0x19, .domid = 0, .frame = Pfn{14}});
    table.entries.push_back({.ref = 511, .flags = 0x01, .domid = 7});
    return table;
}

Octets with(Octets octets, std::size_t at, const std::string& hex)
{
    const Octets other = test::octets_of_hex(hex);
    std::ranges::copy(other, octets.begin() + static_cast<std::ptrdiff_t>(at));
    return octets;
}

Octets octets(const GrantTableInfoLayout& layout)
{
    const auto view = octets_of(layout);
    return {view.begin(), view.end()};
}

TEST(GrantTableInfo, IsGoldenBothWays)
{
    EXPECT_EQ(decode_grant_table_info(golden_body("sr_grant_table_info.hex")), info_v2);
    EXPECT_EQ(decode_grant_table_info(golden_body("sr_grant_table_info_v1.hex")), info_v1);
    EXPECT_EQ(octets(encode_grant_table_info(info_v2)), golden_body("sr_grant_table_info.hex"));
    EXPECT_EQ(octets(encode_grant_table_info(info_v1)), golden_body("sr_grant_table_info_v1.hex"));
}

TEST(GrantTableInfo, RefusesEachFieldOutOfRange)
{
    const Octets good = golden_body("sr_grant_table_info.hex");
    const auto error = [&](std::size_t at, const char* hex) {
        return error_of([&] { (void)decode_grant_table_info(with(good, at, hex)); });
    };
    EXPECT_EQ(error(0, "00"), Errc::malformed);
    EXPECT_EQ(error(0, "03"), Errc::malformed);
    EXPECT_EQ(error(0, "02 00 00 80"), Errc::malformed);
    EXPECT_EQ(error(4, "08"), Errc::malformed);  // would have one status frame
    EXPECT_EQ(error(4, "01 10"), Errc::limit);   // 4097
    EXPECT_EQ(error(8, "08"), Errc::malformed);  // fewer than there are
    EXPECT_EQ(error(12, "01"), Errc::malformed);
    EXPECT_EQ(error(12, "03"), Errc::malformed);
    EXPECT_EQ(error(16, "03"), Errc::malformed);
    EXPECT_EQ(error_of([] {
                  (void)decode_grant_table_info(
                      with(golden_body("sr_grant_table_info_v1.hex"), 16, "01"));
              }),
              Errc::malformed);
    EXPECT_EQ(decode_grant_table_info(with(good, 8, "ff ff ff ff")).max_frames, 0xffff'ffffU);
    EXPECT_EQ(decode_grant_table_info(with(good, 12, "00")).max_version, std::nullopt);
}

TEST(GrantTableInfo, IgnoresWhatIsReserved)
{
    const Octets odd = with(golden_body("sr_grant_table_info.hex"), 20, "01*12");
    EXPECT_EQ(decode_grant_table_info(odd), info_v2);
}

TEST(GrantTableEntries, AreGoldenBothWays)
{
    const Octets v2 = golden_body("sr_grant_table_entries.hex");
    const Octets v1 = golden_body("sr_grant_table_entries_v1.hex");
    EXPECT_EQ(decode_grant_table_entries(v2, highest), table_v2());
    EXPECT_EQ(decode_grant_table_entries(v1, highest), table_v1());
    EXPECT_EQ(encode_grant_table_entries(table_v2()), v2);
    EXPECT_EQ(encode_grant_table_entries(table_v1()), v1);
    const GrantTableEntries none{GrantVersion::v1, 1, {}};
    EXPECT_EQ(decode_grant_table_entries(encode_grant_table_entries(none), highest), none);
}

TEST(GrantTableEntries, RefuseEveryTruncationAndOneOctetTooMany)
{
    const auto decode_info = [](const Octets& body) { (void)decode_grant_table_info(body); };
    const auto decode_entries = [](const Octets& body) {
        (void)decode_grant_table_entries(body, highest);
    };
    const auto refuse_all = [](const Octets& good, const auto& decode) {
        for (std::size_t n = 0; n < good.size(); ++n) {
            // A heap copy of exactly n octets, so that AddressSanitizer sees any over-read.
            const Octets part(good.data(), good.data() + n);
            EXPECT_EQ(error_of([&] { decode(part); }), Errc::malformed) << n;
        }
        Octets more = good;
        more.push_back(std::byte{0});
        EXPECT_EQ(error_of([&] { decode(more); }), Errc::malformed);
    };
    refuse_all(golden_body("sr_grant_table_info.hex"), decode_info);
    refuse_all(golden_body("sr_grant_table_entries.hex"), decode_entries);
    refuse_all(golden_body("sr_grant_table_entries_v1.hex"), decode_entries);
}

TEST(GrantTableEntries, RefuseHeadsOutOfRange)
{
    const Octets good = golden_body("sr_grant_table_entries.hex");
    const auto error = [&](std::size_t at, const char* hex) {
        return error_of([&] { (void)decode_grant_table_entries(with(good, at, hex), highest); });
    };
    EXPECT_EQ(error(0, "00"), Errc::malformed);
    EXPECT_EQ(error(0, "03"), Errc::malformed);
    EXPECT_EQ(error(4, "04"), Errc::malformed);
    EXPECT_EQ(error(4, "ff ff ff ff"), Errc::malformed);
    EXPECT_EQ(error(8, "00"), Errc::malformed);  // no frame for five entries
    EXPECT_EQ(error(8, "01"), Errc::malformed);  // the last lies beyond it
    EXPECT_EQ(error(8, "01 10"), Errc::limit);
    EXPECT_EQ(decode_grant_table_entries(with(good, 12, "ff ff ff ff"), highest), table_v2());
}

TEST(GrantTableEntries, RefuseEachFieldOfAnEntryOutOfRange)
{
    const Octets v2 = golden_body("sr_grant_table_entries.hex");
    const Octets v1 = golden_body("sr_grant_table_entries_v1.hex");
    const auto message = [](const Octets& good, std::size_t entry, std::size_t at,
                            const char* hex) {
        const Octets odd = with(good, 16 + entry * 32 + at, hex);
        EXPECT_EQ(error_of([&] { (void)decode_grant_table_entries(odd, highest); }),
                  Errc::malformed);
        return message_of([&] { (void)decode_grant_table_entries(odd, highest); });
    };
    const auto says = [](const std::string& text, const char* part) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    };
    says(message(v2, 1, 0, "08"), "does not come after the one before it");
    says(message(v2, 2, 0, "09"), "does not come after the one before it");
    says(message(v2, 4, 0, "00 02"), "beyond the frames");
    says(message(v2, 0, 8, "10"), "above the domain's highest");
    says(message(v2, 0, 12, "01"), "above the domain's highest");
    says(message(v2, 2, 8, "01 00*7"), "has a frame, though it is of none");
    says(message(v2, 3, 8, "01 00*7"), "has a frame, though it is of none");  // transfer awaited
    says(message(v2, 3, 4, "06 00 02 00 01 00*7"), "has a frame");            // and committed
    says(message(v2, 0, 16, "01"), "part of a page");  // without GTF_sub_page
    says(message(v2, 0, 18, "01"), "part of a page");
    says(message(v2, 3, 20, "01"), "another domain's entry");
    says(message(v2, 3, 24, "01"), "another domain's entry");
    says(message(v2, 0, 22, "04"), "status");
    says(message(v2, 4, 22, "00"), "is empty");
    says(message(v1, 0, 22, "08"), "status");
    says(message(v1, 1, 4, "00"), "is empty");
    says(message(v1, 0, 5, "01 00 00 0e 00*7 01"), "part of a page");  // sub_page needs version 2
    says(message(v1, 1, 4, "03 00 07 00 ff*8 00*4 01"), "another domain's");  // so do sources
}

TEST(GrantTableEntries, KeepWhatAGuestMayWrite)
{
    // Bits that mean nothing, a kind that version 1 does not have: a guest's octets are no reason to refuse it.
    const Octets v1 = golden_body("sr_grant_table_entries_v1.hex");
    EXPECT_EQ(decode_grant_table_entries(with(v1, 20, "fd ff"), highest).entries[0].flags, 0xfffdU);
    EXPECT_EQ(decode_grant_table_entries(with(v1, 20 + 32, "03 80"), highest).entries[1].kind(),
              GrantKind::transitive);
    EXPECT_EQ(decode_grant_table_entries(with(v1, 20, "0e"), highest).entries[0].frame, Pfn{14})
        << "a transfer that is completed";
    EXPECT_EQ(decode_grant_table_entries(with(v1, 56, "ff ff ff ff"), highest).entries.size(), 2U);
}

TEST(GrantTableEntries, EncodeRefusesMoreThanTheTableHolds)
{
    GrantTableEntries table = table_v1();
    table.nr_frames = 0;
    EXPECT_EQ(error_of([&] { (void)encode_grant_table_entries(table); }), Errc::internal);
    table.nr_frames = limits::grant_frames_max + 1;
    EXPECT_EQ(error_of([&] { (void)encode_grant_table_entries(table); }), Errc::internal);
}

using enum RecordType;
using Types = std::vector<RecordType>;

const Types whole{x86_pv_info,       grant_table_info,    static_data_end,
                  x86_pv_p2m_frames, page_data,           shared_info,
                  x86_pv_vcpu_basic, grant_table_entries, end};

std::string order_of(const Types& types, StreamKind kind = StreamKind::plain)
{
    return message_of([&] {
        RecordOrder order{3, DomainType::x86_pv, kind};
        for (const RecordType type : types) {
            EXPECT_EQ(order.accept(to_wire(type)).deviation, nullptr);
        }
    });
}

Types moved(Types types, RecordType what, RecordType before)
{
    std::erase(types, what);
    types.insert(std::ranges::find(types, before), what);
    return types;
}

Types doubled(Types types, RecordType what)
{
    types.insert(std::ranges::find(types, what), what);
    return types;
}

Types without(Types types, RecordType what)
{
    std::erase(types, what);
    return types;
}

TEST(GrantTableOrder, InfoIsStaticAndEntriesComeBehindMemory)
{
    EXPECT_EQ(order_of(whole), "");
    EXPECT_EQ(order_of(moved(whole, grant_table_info, x86_pv_info)), "");
    EXPECT_EQ(order_of(moved(whole, grant_table_entries, shared_info)), "");
    EXPECT_EQ(order_of(without(whole, grant_table_entries)), "");
    EXPECT_EQ(order_of(moved(whole, grant_table_info, x86_pv_p2m_frames)),
              "comes after STATIC_DATA_END, which needs it before");
    EXPECT_EQ(order_of(without(whole, grant_table_info)),
              "comes without SR_GRANT_TABLE_INFO before it");
    EXPECT_EQ(order_of(moved(whole, grant_table_entries, page_data)),
              "comes without PAGE_DATA before it");
    EXPECT_EQ(order_of(moved(doubled(whole, page_data), grant_table_entries, page_data)),
              "comes without PAGE_DATA before it");
    Types memory_behind = whole;
    memory_behind.insert(std::ranges::find(memory_behind, end), page_data);
    EXPECT_NE(order_of(without(memory_behind, x86_pv_vcpu_basic)).find("SR_GRANT_TABLE_ENTRIES"),
              std::string::npos);
}

TEST(GrantTableOrder, EachComesOnce)
{
    EXPECT_EQ(order_of(doubled(whole, grant_table_info)), "comes a second time");
    EXPECT_EQ(order_of(doubled(whole, grant_table_entries)), "comes a second time");
}

TEST(GrantTableOrder, NeverInACheckpointedStream)
{
    const std::string why = "does not belong into a checkpointed stream";
    EXPECT_EQ(order_of(whole, StreamKind::checkpointed), why);
    EXPECT_EQ(order_of(without(whole, grant_table_info), StreamKind::checkpointed), why);
}

}  // namespace
}  // namespace sr
