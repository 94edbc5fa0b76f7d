// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_grant_table_read(): tables of both versions, and of guests that switch between them while they are looked at.
#include "libsr/mem/grant_entry.hpp"
#include "libsr/xen/libraries.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/json.hpp"
#include "tests/system/capi_support.hpp"
#include "tests/system/grant_calls.hpp"
#include "tests/system/played_domain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace sr::test {
namespace {

constexpr unsigned shared = XENMEM_resource_grant_table_id_shared;
constexpr unsigned status = XENMEM_resource_grant_table_id_status;

using Table = std::unique_ptr<sr_grant_table, void (*)(sr_grant_table*)>;

/// The mfn in the cr3 of a 64-bit guest's first vCPU.
std::uint32_t top_table_of(DomId domid)
{
    xc_interface* const xch = xc_interface_open(nullptr, nullptr, 0);
    vcpu_guest_context_any_t context{};
    EXPECT_EQ(xc_vcpu_getcontext(xch, domid, 0, &context), 0);
    (void)xc_interface_close(xch);
    return static_cast<std::uint32_t>(context.x64.ctrlreg[3] >> 12);
}

class GrantsRead : public testing::Test {
protected:
    void TearDown() override { hooks() = {}; }

    [[nodiscard]] Table read(std::uint32_t flags = SR_GRANTS_STATUS)
    {
        hooks().forget_calls();
        sr_grant_table* table = nullptr;
        error_ = fresh_error();
        const int result =
            sr_grant_table_read(world().engine.get(), domain_.domid(), flags, &table, &error_);
        EXPECT_EQ(result == 0, table != nullptr);
        EXPECT_TRUE(result == 0 || error_.message[0] != '\0');
        expect_nothing_mapped();
        return {table, &sr_grant_table_free};
    }

    [[nodiscard]] nlohmann::json shown() const
    {
        return parsed_json(
            world().host.fakexen({"show", "--json", std::to_string(domain_.domid())}));
    }

    void expect_nothing_mapped() const { EXPECT_EQ(shown().at("mappings").size(), 0U); }

    // What access to frame 5 for domain 7 is in either version, and one of its own for version 2.
    static Octets access_v1() { return octets_of_hex("01 00 07 00 05 00 00 00"); }
    static Octets access_v2() { return octets_of_hex("01 00 07 00 00*4 05 00*7"); }
    static Octets part_v2() { return octets_of_hex("05 01 07 00 00 02 80 00 06 00*7"); }
    static Octets passed_on_v2()
    {
        return octets_of_hex("03 00 07 00 09 00 00 00 04 03 02 01 00*4");
    }

    World& world_ = world();
    PlayedDomain domain_;
    sr_error error_{};
};

TEST_F(GrantsRead, AnEmptyTableOfVersion1)
{
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->size, sizeof(sr_grant_table));
    EXPECT_EQ(table->version, 1U);
    EXPECT_EQ(table->nr_frames, 1U);
    EXPECT_EQ(table->max_frames, 8U);
    EXPECT_EQ(table->nr_status_frames, 0U);
    EXPECT_EQ(table->has_status, 0U);
    EXPECT_EQ(table->nr_entries, 0U);
}

TEST_F(GrantsRead, EntriesOfVersion1)
{
    domain_.grow(3);
    domain_.write(shared, 0, 8 * 9, access_v1());
    domain_.write(shared, 2, 4088, octets_of_hex("1d 00 01 00 ff ff ff ff"));
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->nr_frames, 3U);
    ASSERT_EQ(table->nr_entries, 2U);
    const sr_grant_entry* const entries = table->entries;
    EXPECT_EQ(entries[0].ref, 9U);
    EXPECT_EQ(entries[0].kind, SR_GRANT_ACCESS);
    EXPECT_EQ(entries[0].domid, 7U);
    EXPECT_EQ(entries[0].frame, 5U);
    EXPECT_EQ(entries[1].ref, 3 * 512U - 1);
    EXPECT_EQ(entries[1].flags, 0x1dU);
    EXPECT_EQ(entries[1].status, 0U);
    EXPECT_EQ(entries[1].frame, 0xffff'ffffU);
}

TEST_F(GrantsRead, EntriesOfVersion2WithTheirStatus)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    domain_.grow(8);
    domain_.write(shared, 0, 16 * 9, access_v2());
    domain_.write(shared, 0, 16 * 10, part_v2());
    domain_.write(shared, 7, 4080, passed_on_v2());
    domain_.write(status, 0, 2 * 9, octets_of_hex("18 00"));
    domain_.write(status, 0, 2 * 300, octets_of_hex("08 00"));  // revoked, and still mapped
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->version, 2U);
    EXPECT_EQ(table->nr_frames, 8U);
    EXPECT_EQ(table->nr_status_frames, 1U);
    EXPECT_EQ(table->has_status, 1U);
    ASSERT_EQ(table->nr_entries, 4U);
    const sr_grant_entry* const entries = table->entries;
    EXPECT_EQ(entries[0].status, 0x18U);
    EXPECT_EQ(entries[0].frame, 5U);
    EXPECT_EQ(entries[1].page_offset, 0x200U);
    EXPECT_EQ(entries[1].length, 0x80U);
    EXPECT_EQ(entries[2].ref, 300U);
    EXPECT_EQ(entries[2].kind, SR_GRANT_INVALID);
    EXPECT_EQ(entries[2].frame, SR_NONE);
    EXPECT_EQ(entries[3].ref, 8 * 256U - 1);
    EXPECT_EQ(entries[3].kind, SR_GRANT_TRANSITIVE);
    EXPECT_EQ(entries[3].trans_domid, 9U);
    EXPECT_EQ(entries[3].trans_ref, 0x0102'0304U);
}

TEST_F(GrantsRead, StatusFramesAreLeftAloneUnlessAskedFor)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    domain_.write(shared, 0, 16 * 9, access_v2());
    domain_.write(status, 0, 2 * 9, octets_of_hex("18 00"));
    const Table table = read(0);
    ASSERT_NE(table, nullptr) << error_.message;
    ASSERT_EQ(table->nr_entries, 1U);
    EXPECT_EQ(table->entries[0].status, 0U);
    EXPECT_EQ(table->nr_status_frames, 1U);
    EXPECT_EQ(table->has_status, 0U);
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, 1}}));
}

TEST_F(GrantsRead, AsksForNothingBeyondTheTable)
{
    domain_.grow(5);
    ASSERT_NE(read(), nullptr);
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, 5}}));
    EXPECT_EQ(shown().at("grants").at("nr_frames"), 5U);
    EXPECT_EQ(shown().at("grants").at("status_frames"), 0U);
    ASSERT_EQ(domain_.set_version(2), 0);
    ASSERT_NE(read(), nullptr);
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, 5}, {status, 0, 1}}));
    EXPECT_EQ(shown().at("grants").at("nr_frames"), 5U);
}

/// The M2P has a pfn for it, which is another guest's.
TEST_F(GrantsRead, AFrameThatIsNotTheDomainsHasNoPfn)
{
    const std::uint32_t strangers_table = top_table_of(suspended_guest());
    Octets entry = access_v1();
    std::memcpy(&entry[4], &strangers_table, sizeof(strangers_table));
    domain_.write(shared, 0, 8 * 9, entry);
    const Table table = read(SR_GRANTS_PFNS);
    ASSERT_NE(table, nullptr) << error_.message;
    ASSERT_EQ(table->nr_entries, 1U);
    EXPECT_EQ(table->entries[0].frame, strangers_table);
    EXPECT_EQ(table->entries[0].pfn, SR_NONE);
}

TEST_F(GrantsRead, MapsNoM2pForATableThatNamesNoFrame)
{
    const auto nr_m2ps = [this] {
        const auto calls = parsed_json(world_.host.fakexen({"calls", "--json"})).at("calls");
        return std::ranges::count_if(calls, [](const std::string& call) {
            return call.find("machphys_mfn_list") != std::string::npos;
        });
    };
    domain_.write(shared, 0, 8 * 9, octets_of_hex("02 00 07 00 05 00 00 00"));  // a transfer
    const auto before = nr_m2ps();
    EXPECT_EQ(read(SR_GRANTS_PFNS)->entries[0].pfn, SR_NONE);
    EXPECT_EQ(nr_m2ps(), before);
    domain_.write(shared, 0, 8 * 9, access_v1());
    EXPECT_NE(read(SR_GRANTS_PFNS), nullptr);
    EXPECT_GT(nr_m2ps(), before) << "calls are not told as this test reads them";
}

TEST_F(GrantsRead, RefusesFlagsThatItDoesNotKnow)
{
    EXPECT_EQ(read(1U << 2), nullptr);
    EXPECT_EQ(error_.error_class, SR_ERROR_UNSUPPORTED) << error_.message;
}

/// While such a domain runs it may go back to version 1, and Xen (4.17) crashes it for a status frame that is mapped then.
TEST_F(GrantsRead, StatusOfAnHvmDomainIsLeftAloneWhileItRuns)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    domain_.write(shared, 0, 16 * 9, access_v2());
    domain_.write(status, 0, 2 * 9, octets_of_hex("18 00"));
    std::uint32_t set = 0;
    hooks().on_domain_flags = [&](std::uint32_t& flags) {
        flags &= ~std::uint32_t{XEN_DOMINF_paused | XEN_DOMINF_shutdown};
        flags |= XEN_DOMINF_hvm_guest | set;
    };
    const Table running = read();
    ASSERT_NE(running, nullptr) << error_.message;
    ASSERT_EQ(running->nr_entries, 1U);
    EXPECT_EQ(running->entries[0].status, 0U);
    EXPECT_EQ(running->has_status, 0U);
    EXPECT_EQ(running->nr_status_frames, 1U);
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, 1}}));
    for (const std::uint32_t still : {XEN_DOMINF_paused, XEN_DOMINF_shutdown}) {
        set = still;
        const Table table = read();
        ASSERT_NE(table, nullptr) << error_.message;
        EXPECT_EQ(table->entries[0].status, 0x18U);
        EXPECT_EQ(table->has_status, 1U);
    }
}

/// Xen before 4.15 takes 32 frames at a time.
TEST(GrantsReadLarge, TablesArePiecedTogether)
{
    (void)world();
    hooks().forget_calls();
    PlayedDomain domain{64};
    ASSERT_EQ(domain.set_version(2), 0);
    domain.grow(64);
    domain.write(shared, 63, 4080, octets_of_hex("01 00 07 00 00*4 05 00*7"));
    domain.write(status, 7, 2 * 2047, octets_of_hex("10 00"));
    hooks().forget_calls();
    sr_grant_table* table = nullptr;
    ASSERT_EQ(sr_grant_table_read(world().engine.get(), domain.domid(), SR_GRANTS_STATUS, &table,
                                  nullptr),
              0);
    ASSERT_EQ(table->nr_entries, 1U);
    EXPECT_EQ(table->entries[0].ref, 64 * 256U - 1);
    EXPECT_EQ(table->entries[0].status, 0x10U);
    sr_grant_table_free(table);
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, 32}, {shared, 32, 32}, {status, 0, 8}}));
}

// ---- A guest that switches versions between two looks ----

TEST_F(GrantsRead, ASwitchToVersion2BehindTheFirstLookIsNotMisread)
{
    domain_.write(shared, 0, 8 * 9, access_v1());
    hooks().before_acquire = [this](unsigned) {
        hooks().before_acquire = nullptr;
        EXPECT_EQ(domain_.set_version(2), 0);
        domain_.write(shared, 0, 16 * 9, part_v2());
    };
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->version, 2U);
    ASSERT_EQ(table->nr_entries, 1U);
    EXPECT_EQ(table->entries[0].ref, 9U);
    EXPECT_EQ(table->entries[0].length, 0x80U);
}

TEST_F(GrantsRead, ASwitchToVersion1BeforeTheStatusIsAcquiredIsNoError)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    hooks().before_acquire = [this](unsigned kind) {
        if (kind == status) {
            hooks().before_acquire = nullptr;
            EXPECT_EQ(domain_.set_version(1), 0);
            domain_.write(shared, 0, 8 * 9, access_v1());
        }
    };
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->version, 1U);
    ASSERT_EQ(table->nr_entries, 1U);
    EXPECT_EQ(table->entries[0].frame, 5U);
}

/// That the status was refused is all that is left to see of a switch there and back.
TEST_F(GrantsRead, ASwitchThereAndBackThatTheStatusMeetsIsNoError)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    hooks().before_acquire = [this](unsigned kind) {
        if (kind == status) {
            hooks().before_acquire = nullptr;
            EXPECT_EQ(domain_.set_version(1), 0);
        }
    };
    hooks().after_acquire = [this](unsigned kind) {
        if (kind == status) {
            hooks().after_acquire = nullptr;
            EXPECT_EQ(domain_.set_version(2), 0);
            domain_.write(shared, 0, 16 * 9, part_v2());
        }
    };
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->version, 2U);
    EXPECT_EQ(table->nr_entries, 1U);
}

/// A host that refuses them each time has another reason, which is for the caller to see.
TEST_F(GrantsRead, StatusThatIsRefusedEachTimeFails)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    hooks().before_acquire = [this](unsigned kind) {
        EXPECT_TRUE(kind != status || domain_.set_version(1) == 0);
    };
    hooks().after_acquire = [this](unsigned kind) {
        EXPECT_TRUE(kind != status || domain_.set_version(2) == 0);
    };
    EXPECT_EQ(read(), nullptr);
    EXPECT_EQ(error_.error_class, SR_ERROR_HYPERVISOR) << error_.message;
    EXPECT_EQ(error_.errnum, EINVAL);
    EXPECT_GT(hooks().acquired.size(), 2U) << "it was looked at once";
}

/// Mapped status frames hold the guest in version 2; once they are let go, it may switch before we ask again.
TEST_F(GrantsRead, ASwitchToVersion1BehindTheCopyIsNoticed)
{
    ASSERT_EQ(domain_.set_version(2), 0);
    domain_.write(status, 0, 2 * 9, octets_of_hex("18 00"));
    hooks().after_acquire = [this](unsigned kind) {
        if (kind == status) {
            EXPECT_EQ(domain_.set_version(1), -EBUSY);
        }
    };
    hooks().after_release = [this] {
        if (hooks().acquired.back().kind == status) {
            hooks().after_release = nullptr;
            EXPECT_EQ(domain_.set_version(1), 0);
        }
    };
    const Table table = read();
    ASSERT_NE(table, nullptr) << error_.message;
    EXPECT_EQ(table->version, 1U);
    EXPECT_EQ(table->nr_entries, 0U);
}

TEST_F(GrantsRead, AGuestThatGoesOnSwitchingIsGivenUp)
{
    std::uint32_t version = 1;
    hooks().before_version = [&] {
        version = 3 - version;
        EXPECT_EQ(domain_.set_version(version), 0);
    };
    EXPECT_EQ(read(0), nullptr);
    EXPECT_EQ(error_.error_class, SR_ERROR_GUEST);
    EXPECT_NE(std::string{error_.message}.find("changed the version of its grant table"),
              std::string::npos)
        << error_.message;
}

/// It had one frame when it was asked, and has more when it is looked at: those are for the next look.
TEST_F(GrantsRead, ATableThatGrowsIsReadAsItWas)
{
    hooks().before_acquire = [this](unsigned) {
        hooks().before_acquire = nullptr;
        domain_.grow(2);
        domain_.write(shared, 1, 0, access_v1());
    };
    EXPECT_EQ(read()->nr_entries, 0U);
    EXPECT_EQ(read()->nr_entries, 1U);
}

TEST_F(GrantsRead, SaysWhatFailed)
{
    sr_grant_table* table = nullptr;
    error_ = fresh_error();
    EXPECT_EQ(sr_grant_table_read(world_.engine.get(), 4711, 0, &table, &error_), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_USAGE) << error_.message;
    EXPECT_EQ(sr_grant_table_read(world_.engine.get(), domain_.domid(), 1U << 2, &table, &error_),
              -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_UNSUPPORTED) << error_.message;
    EXPECT_EQ(sr_grant_table_read(world_.engine.get(), domain_.domid(), 0, nullptr, &error_), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_USAGE) << error_.message;
    (void)world_.host.fakexen({"fail", std::to_string(::getpid()), "map_resource:1:ENOMEM"});
    EXPECT_EQ(read(), nullptr);
    EXPECT_EQ(error_.error_class, SR_ERROR_HYPERVISOR) << error_.message;
    EXPECT_STREQ(error_.call, "XENMEM_acquire_resource");
    sr_grant_table_free(nullptr);
}

}  // namespace
}  // namespace sr::test
