// SPDX-License-Identifier: LGPL-2.1-or-later
// libsr's save helper, configured to record grant tables and told what its domains may use.
#include "libsr/base/fd_io.hpp"
#include "libsr/wire/record_type.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "tests/system/helper_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fcntl.h>
#include <fstream>

namespace sr::test {
namespace {

class HelperGrants : public HelperFixture {
protected:
    HelperGrants()
    {
        EXPECT_EQ(xsr(host_, {"destroy", domid_}).status, 0);
        domid_ = create_guest(host_, {.name = "granter",
                                      .memory_mib = 4,
                                      .nr_vcpus = 2,
                                      .options = {"--grants", "v2", "--grant-peer", "0"}});
        (void)host_.await_count(domid_, 10);
    }
    /// The helper reads its options from a file with these lines.
    [[nodiscard]] Environment configured(const std::string& lines) const
    {
        const std::string name = files_.path() + "/save-helper.conf";
        std::ofstream{name} << lines;
        return {{"LIBSR_SAVE_HELPER_OPTIONS", "--config " + name}};
    }
    [[nodiscard]] std::vector<RecordType> grant_records() const
    {
        const Fd file{::open(file_.c_str(), O_RDONLY | O_CLOEXEC)};
        FdSource source{file.get()};
        StreamReader reader{source};
        std::vector<RecordType> found;
        std::optional<RecordType> type;
        do {
            type = record_type_from_wire(reader.next().type);
            reader.skip_body();
            if (type == RecordType::grant_table_info || type == RecordType::grant_table_entries) {
                found.push_back(*type);
            }
        } while (type != RecordType::end && type != RecordType::checkpoint);
        return found;
    }
    static void expect_told(const Ended& ended, const std::string& words)
    {
        EXPECT_NE(ended.out.find(words), std::string::npos) << ended.all();
    }
};

TEST_F(HelperGrants, APlainSaveRecordsThem)
{
    const Ended saved = save({}, configured("grants = true\n"));
    ASSERT_EQ(saved.status, saved_or_restored) << saved.all() << host_.log();
    EXPECT_EQ(grant_records(),
              (std::vector{RecordType::grant_table_info, RecordType::grant_table_entries}));
    expect_guest_goes_on();
}

TEST_F(HelperGrants, OneThatIsNotConfiguredRecordsNone)
{
    save_for_restores();
    EXPECT_TRUE(grant_records().empty());
}

TEST_F(HelperGrants, ARemusSaveHasNoneAndSaysSo)
{
    const Ended saved = save({"--checkpoints", "2"}, configured("grants = true\n"));
    ASSERT_EQ(saved.status, saved_or_restored) << saved.all() << host_.log();
    EXPECT_TRUE(grant_records().empty());
    expect_told(saved, "a checkpointed stream holds no grant table");
    expect_guest_goes_on();
}

TEST_F(HelperGrants, ARestoreRefusesWhatItsDomainsMayNotUse)
{
    const Ended saved = save({}, configured("grants = true\n"));
    ASSERT_EQ(saved.status, saved_or_restored) << saved.all() << host_.log();
    const Ended refused = restore({}, configured("max-grant-version = 1\n"));
    EXPECT_EQ(refused.status, told_of_failure) << refused.all();
    expect_told(refused, "the guest uses grant table version 2");
    expect_told(refused, "max-grant-version");
    expect_only_the_guest();
    const Ended taken = restore({}, configured("max-grant-version = 2\n"));
    EXPECT_EQ(taken.status, saved_or_restored) << taken.all() << host_.log();
}

}  // namespace
}  // namespace sr::test
