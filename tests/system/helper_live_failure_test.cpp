// SPDX-License-Identifier: LGPL-2.1-or-later
// The same while the guest runs: libxl gone in the middle of a live save or of checkpoints, SIGTERM after seeded calls of the
// hypervisor, and receivers of checkpoints that end anywhere. SR_SEED chooses other moments.
#include "tests/system/helper_fixture.hpp"

#include <cstdlib>
#include <filesystem>
#include <random>

namespace sr::test {
namespace {

constexpr std::size_t nr_moments = 6;

std::mt19937_64 moments()
{
    const char* const text = std::getenv("SR_SEED");
    return std::mt19937_64{text != nullptr ? std::stoull(text) : 20261120};
}

struct Way {
    const char* name;
    std::vector<std::string> options;
};

const Way ways[] = {
    {"Plain", {}},
    {"Live", {"--live"}},
    {"Remus", {"--checkpoints", "3"}},
};

class HelperLiveFailure : public HelperFixture, public testing::WithParamInterface<Way> {
protected:
    [[nodiscard]] Ended save_with(const std::vector<std::string>& more) const
    {
        std::vector<std::string> options = GetParam().options;
        options.insert(options.end(), more.begin(), more.end());
        return save(options);
    }

    /// Nobody maps memory of the guest, and its dirty log is off, as the end of the host will say too.
    void expect_let_go() const
    {
        const std::string shown = host_.fakexen({"show", "--json", domid_});
        EXPECT_NE(shown.find("\"log_dirty\": false"), std::string::npos) << shown;
        EXPECT_NE(shown.find("\"mappings\": []"), std::string::npos) << shown;
    }
};

TEST_P(HelperLiveFailure, LibxlMayGoAtAnyMessage)
{
    const Ended whole = save_with({});
    ASSERT_EQ(whole.status, saved_or_restored) << whole.all() << host_.log();
    // A guest that runs dirties more or less; the number of messages varies with that.
    const std::size_t nr_messages = messages_in(whole).size();
    constexpr std::size_t most = 12;  // the others are more of the same
    const std::size_t step = nr_messages / most + 1;
    for (std::size_t n = 1; n <= nr_messages; n += step) {
        SCOPED_TRACE(n);
        const Ended ended = save_with({"--at", "any:" + std::to_string(n) + "=close"});
        EXPECT_FALSE(has_line(ended, "helper: signal")) << ended.all();
        EXPECT_FALSE(has_line(ended, "helper: still there")) << ended.all();
        expect_let_go();
        expect_guest_goes_on();
    }
}

TEST_P(HelperLiveFailure, SigtermMayComeAfterAnyCall)
{
    const std::uint64_t before = last_call(host_);
    ASSERT_EQ(save_with({}).status, saved_or_restored);
    int nr_calls = 0;
    for (const auto& [call, count] : calls_after(before)) {
        nr_calls += count;
    }
    std::mt19937_64 random = moments();
    for (std::size_t i = 0; i < nr_moments; ++i) {
        const std::string nth = std::to_string(std::uniform_int_distribution{1, nr_calls}(random));
        SCOPED_TRACE(nth);
        const Ended ended = save_with({"--helper-env", "FAKEXEN_FAIL=any:" + nth + ":SIGTERM"});
        EXPECT_TRUE(has_line(ended, "helper: exit 0")) << ended.all();
        EXPECT_TRUE(has_line(ended, "complete 0 0") ||
                    has_line(ended, failed + std::to_string(ECANCELED)))
            << ended.all();
        expect_let_go();
        expect_guest_goes_on();
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, HelperLiveFailure, testing::ValuesIn(ways),
                         [](const auto& test) { return test.param.name; });

class HelperFailover : public HelperFixture, public testing::WithParamInterface<Engine> {};

/// From the first whole checkpoint on, the guest goes on at the destination wherever the stream ends; before it, nothing is
/// left there.
TEST_P(HelperFailover, TheStreamMayEndAnywhere)
{
    // No pages that go: the stock engine leaves them where they were.
    const std::string calm = create_guest(
        host_, {.name = "calm", .memory_mib = 4, .nr_vcpus = 2, .options = {"--no-balloon"}});
    (void)host_.await_count(calm, 10);
    const Ended saved =
        start_save(host_, Engine::libsr, file_, calm, {"--checkpoints", "4"}).wait();
    ASSERT_EQ(saved.status, saved_or_restored) << saved.all() << host_.log();
    const auto length = std::filesystem::file_size(file_);
    const FakeHost other{{"--memory", "64M", "--seed", "4"}};
    std::mt19937_64 random = moments();
    int nr_failed_over = 0;
    for (std::size_t i = 0; i < nr_moments; ++i) {
        const auto cut = std::uniform_int_distribution<std::uintmax_t>{1, length - 1}(random);
        SCOPED_TRACE(cut);
        const std::string part = files_.path() + "/part";
        std::filesystem::copy_file(file_, part, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(part, cut);
        const Ended restored =
            start_restore(other, GetParam(), part, restored_, {"--remus"}).wait();
        ASSERT_EQ(restored.status,
                  has_line(restored, "checkpoint") ? saved_or_restored : told_of_failure)
            << restored.all() << other.log();
        if (restored.status == saved_or_restored) {
            ++nr_failed_over;
            expect_alive(other, domain_made(restored), 10);
            ASSERT_EQ(xsr(other, {"destroy", "copy"}).status, 0);
        }
        EXPECT_EQ(domains_of(other), std::vector<unsigned>{});
    }
    EXPECT_NE(nr_failed_over, 0) << "no moment was after a checkpoint";
}

INSTANTIATE_TEST_SUITE_P(Engines, HelperFailover, testing::Values(Engine::libsr, Engine::stock),
                         [](const auto& test) { return std::string{to_string(test.param)}; });

}  // namespace
}  // namespace sr::test
