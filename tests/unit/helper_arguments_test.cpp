// SPDX-License-Identifier: LGPL-2.1-or-later
// What a save helper is told: by libxl on its command line, by its administrator in a file and in the environment.
#include "tests/support/command.hpp"
#include "tests/support/error_of.hpp"
#include "tools/save-helper/invocation.hpp"
#include "tools/save-helper/settings.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace sr {
namespace {

using test::error_of;
using test::message_of;

using Words = std::vector<const char*>;

const Words save_words = {"--save-domain", "14", "-1", "7", "3", "136", "1"};
const Words restore_words = {"--restore-domain", "12", "20", "8", "1", "0", "2", "5", "768", "0"};

TEST(HelperInvocation, TakesASave)
{
    const Invocation asked = parse_invocation(save_words);
    EXPECT_FALSE(asked.is_restore);
    EXPECT_EQ(asked.io_fd, 14);
    EXPECT_EQ(asked.back_channel_fd, -1);
    EXPECT_EQ(asked.domid, 7U);
    EXPECT_EQ(asked.save_flags, 3U);
    EXPECT_EQ(asked.stream_type, 1U);
    EXPECT_TRUE(asked.provides(HelperMessage::suspend));
    EXPECT_TRUE(asked.provides(HelperMessage::switch_qemu_logdirty));
    EXPECT_FALSE(asked.provides(HelperMessage::postcopy));
    EXPECT_FALSE(asked.provides(HelperMessage::checkpoint));
}

TEST(HelperInvocation, TakesARestore)
{
    const Invocation asked = parse_invocation(restore_words);
    EXPECT_TRUE(asked.is_restore);
    EXPECT_EQ(asked.io_fd, 12);
    EXPECT_EQ(asked.back_channel_fd, 20);
    EXPECT_EQ(asked.domid, 8U);
    EXPECT_EQ(asked.store_evtchn, 1U);
    EXPECT_EQ(asked.store_domid, 0U);
    EXPECT_EQ(asked.console_evtchn, 2U);
    EXPECT_EQ(asked.console_domid, 5U);
    EXPECT_TRUE(asked.provides(HelperMessage::static_data_done));
    EXPECT_TRUE(asked.provides(HelperMessage::restore_results));
    EXPECT_FALSE(asked.provides(HelperMessage::checkpoint));
}

TEST(HelperInvocation, RefusesWhatIsTooShortOrTooLong)
{
    for (const Words& whole : {save_words, restore_words}) {
        for (std::size_t n = 0; n < whole.size(); ++n) {
            SCOPED_TRACE(n);
            EXPECT_EQ(error_of([&] { (void)parse_invocation(std::span{whole}.first(n)); }),
                      Errc::usage);
        }
        Words longer = whole;
        longer.push_back("0");
        EXPECT_EQ(error_of([&] { (void)parse_invocation(longer); }), Errc::usage);
    }
}

TEST(HelperInvocation, RefusesWhatIsNoNumber)
{
    for (std::size_t i = 1; i < save_words.size(); ++i) {
        for (const char* wrong : {"", "x", "1x", " 1", "99999999999", "0x1"}) {
            SCOPED_TRACE(wrong);
            Words words = save_words;
            words[i] = wrong;
            EXPECT_EQ(error_of([&] { (void)parse_invocation(words); }), Errc::usage);
        }
    }
    EXPECT_EQ(message_of([] {
                  (void)parse_invocation(Words{"--save-domain", "1", "-1", "web"});
              }),
              "--save-domain: the domain's number 'web' is not a number that fits");
}

class HelperSettings : public testing::Test {
protected:
    [[nodiscard]] Settings read(const std::string& file, const std::string& words = "") const
    {
        std::ofstream{path_} << file;
        return read_settings(("--config " + path_ + " " + words).c_str());
    }

    test::TemporaryDirectory files_;
    std::string path_ = files_.path() + "/conf";
};

TEST_F(HelperSettings, AreTheEnginesOwnIfNobodySaysAnything)
{
    const Settings settings = read("");
    EXPECT_EQ(settings.stale_types, SR_STALE_TYPES_AUTO);
    EXPECT_EQ(settings.log_level, SR_LOG_DEBUG);
    EXPECT_FALSE(settings.max_rounds);
    EXPECT_FALSE(settings.dirty_threshold);
    EXPECT_EQ(settings.fallback, "");
    EXPECT_FALSE(settings.grants);
    EXPECT_EQ(settings.max_grant_version, 0U);
}

TEST_F(HelperSettings, ComeFromTheFile)
{
    const Settings settings = read("# ours\n"
                                   "stale-types = on\n"
                                   "log-level=warning\n"
                                   "max-rounds = 9\n"
                                   "dirty-threshold = 1000\n"
                                   "grants = true\n"
                                   "max-grant-version = 2\n"
                                   "fallback = /bin/true\n");
    EXPECT_EQ(settings.stale_types, SR_STALE_TYPES_ON);
    EXPECT_EQ(settings.log_level, SR_LOG_WARNING);
    EXPECT_EQ(settings.max_rounds, 9U);
    EXPECT_EQ(settings.dirty_threshold, 1000U);
    EXPECT_EQ(settings.fallback, "/bin/true");
    EXPECT_TRUE(settings.grants);
    EXPECT_EQ(settings.max_grant_version, 2U);
}

TEST_F(HelperSettings, OfTheEnvironmentWin)
{
    const Settings settings =
        read("stale-types = on\nmax-rounds = 9\nmax-grant-version = 1\n",
             "--stale-types off --log-level info --grants --max-grant-version 2");
    EXPECT_EQ(settings.stale_types, SR_STALE_TYPES_OFF);
    EXPECT_EQ(settings.log_level, SR_LOG_INFO);
    EXPECT_EQ(settings.max_rounds, 9U);
    EXPECT_TRUE(settings.grants);
    EXPECT_EQ(settings.max_grant_version, 2U);
    EXPECT_TRUE(read("grants = true\n", "--stale-types off").grants);
    EXPECT_FALSE(read("grants = false\n").grants);
}

TEST_F(HelperSettings, OfAnOptionThatStandsTwiceTheLastCounts)
{
    EXPECT_EQ(read("fallback = /bin/false\nfallback = /bin/true\n").fallback, "/bin/true");
    EXPECT_EQ(read("fallback = /bin/false\ngrants = true\nfallback = /bin/true\n").fallback,
              "/bin/true");
    EXPECT_EQ(read("stale-types = off\nmax-rounds = 3\nstale-types = on\n").stale_types,
              SR_STALE_TYPES_ON);
    EXPECT_EQ(read("max-rounds = 3\nmax-rounds = 4\nmax-rounds = 5\n").max_rounds, 5U);
    EXPECT_TRUE(read("grants = false\ngrants = true\n").grants);
    EXPECT_FALSE(read("grants = true\nmax-rounds = 3\ngrants = false\n").grants);
    EXPECT_EQ(read("", "--max-rounds 3 --grants --grants --max-rounds 4").max_rounds, 4U);
    EXPECT_EQ(read("max-rounds = 3\nmax-rounds = 4\n", "--max-rounds 9").max_rounds, 9U);
}

TEST_F(HelperSettings, HaveOneValueEach)
{
    for (const char* line : {"max-rounds = 3 4", "max-rounds = [3, 4]", "fallback = /a dir/b"}) {
        const std::string complaint = message_of([&] { (void)read(std::string{line} + "\n"); });
        EXPECT_NE(complaint.find("takes one value: " + std::string{line}), std::string::npos)
            << complaint;
        EXPECT_NE(complaint.find(path_), std::string::npos) << complaint;
    }
    EXPECT_EQ(read("fallback = \"/a dir/b\"\n").fallback, "/a dir/b");
}

TEST_F(HelperSettings, AreRefusedByNameIfUnknownOrWrong)
{
    const auto complaint = [&](const char* file, const char* words) {
        return message_of([&] { (void)read(file, words); });
    };
    EXPECT_NE(complaint("stale-typos = on\n", "").find("stale-typos"), std::string::npos);
    EXPECT_NE(complaint("stale-types = maybe\n", "").find("maybe"), std::string::npos);
    EXPECT_NE(complaint("", "--stale-typos on").find("stale-typos"), std::string::npos);
    EXPECT_NE(complaint("", "surplus").find("surplus"), std::string::npos);
    EXPECT_NE(complaint("max-rounds = 0\n", ""), "");
    EXPECT_NE(complaint("max-rounds = many\n", ""), "");
    EXPECT_NE(complaint("dirty-threshold = -1\n", ""), "");
    EXPECT_NE(complaint("max-grant-version = 3\n", ""), "");
    EXPECT_NE(complaint("max-grant-version = 0\n", ""), "");
    EXPECT_NE(complaint("grants = perhaps\n", ""), "");
    EXPECT_NE(complaint("fallback = bin/true\n", "").find("'bin/true'"), std::string::npos);
    EXPECT_NE(complaint("stale-typos = on\n", "").find(path_), std::string::npos);
    EXPECT_NE(complaint("", "--fallback \"/bin/true").find("quote"), std::string::npos);
}

TEST_F(HelperSettings, AFileThatIsNamedMustBeThere)
{
    EXPECT_EQ(error_of([] { (void)read_settings("--config /nowhere/conf"); }), Errc::usage);
}

}  // namespace
}  // namespace sr
