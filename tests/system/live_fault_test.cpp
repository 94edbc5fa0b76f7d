// SPDX-License-Identifier: LGPL-2.1-or-later
// Each call of a live save fails, early, late and in between: the error names it, the dirty log is off, and the guest runs on.
#include "tests/system/call_log.hpp"
#include "tests/system/live_guest.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <unistd.h>

namespace sr::test {
namespace {

constexpr const char* log_call = "domctl.shadow_op";

class LiveFault : public LiveGuest {
protected:
    void SetUp() override
    {
        start_guest({"--no-balloon", "--table-rate", "2"});
        toolstack_.decide = [this](const sr_precopy_stats& stats) {
            here_.host.step(domid_text_, 1);
            return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
        };
    }
    void fail(const std::string& cue) const
    {
        (void)here_.host.fakexen({"fail", std::to_string(::getpid()), cue});
    }
    /// How often this process made each call since then.
    [[nodiscard]] std::map<std::string, int> own_calls(std::uint64_t after) const
    {
        return count_calls(here_.host, after, [](const LoggedCall& call) {
            return call.process == ::getpid() && engine_name_of(call.name) != nullptr;
        });
    }
    /// A save during which a call fails. @return its result
    int save_failing(const std::string& call, int nth)
    {
        const auto& errnos = errnos_of(call);
        const std::string errno_name = errnos.at(static_cast<std::size_t>(nth) % errnos.size());
        const std::string cue = cue_for(call, nth, errno_name);
        SCOPED_TRACE(cue);
        const MemoryFile file;
        fail(cue);
        const int result = save(file.fd());
        fail("");
        if (result != 0) {
            EXPECT_EQ(error_.error_class, SR_ERROR_HYPERVISOR) << error_.message;
            EXPECT_EQ(error_.errnum, errno_number(errno_name)) << error_.message;
            EXPECT_EQ(std::string{error_.call}.rfind(engine_name_of(call), 0), 0U)
                << error_.message;
            EXPECT_NE(std::string{error_.message}.find(std::strerror(error_.errnum)),
                      std::string::npos)
                << error_.message;
            const bool was_asked = std::count(toolstack_.calls.begin(), toolstack_.calls.end(),
                                              std::string{"suspend"}) != 0;
            EXPECT_EQ(error_.guest, was_asked ? SR_GUEST_AT_SOURCE : SR_GUEST_UNTOUCHED);
        }
        toolstack_.calls.clear();
        expect_unharmed();
        return result;
    }
    [[nodiscard]] std::map<std::string, int> calls_of_a_save()
    {
        const std::uint64_t before = last_call(here_.host);
        (void)saved();
        const auto calls = own_calls(before);
        expect_unharmed();
        toolstack_.calls.clear();
        return calls;
    }
};

TEST_F(LiveFault, ASaveThatFailsAnywhereLeavesTheGuestRunning)
{
    for (const auto& [call, count] : calls_of_a_save()) {
        // The toolstack of this process makes some of these calls too, and with the guest the number changes.
        for (const int nth : std::set{1, (count + 1) / 2, count}) {
            if (call != log_call && save_failing(call, nth) == 0) {
                EXPECT_GT(nth, 1) << call << " failed, and nobody noticed";
            }
        }
    }
    EXPECT_FALSE(saved().empty());
}

/// The log: turned on, read after a round, read at the end, turned off.
TEST_F(LiveFault, TheDirtyLogIsTurnedOnAtTheSecondTry)
{
    ASSERT_EQ(calls_of_a_save().at(log_call), 4);
    EXPECT_EQ(save_failing(log_call, 1), 0) << error_.message;
    EXPECT_TRUE(log_has("off and on again"));
}

TEST_F(LiveFault, TheDirtyLogIsReadOrTheSaveFails)
{
    for (const int nth : {2, 3}) {
        EXPECT_EQ(save_failing(log_call, nth), -1);
    }
}

TEST_F(LiveFault, TheDirtyLogThatStaysOnIsComplainedOf)
{
    const MemoryFile file;
    fail(cue_for(log_call, 4, "EBUSY"));
    EXPECT_EQ(save(file.fd()), 0) << error_.message;
    fail("");
    EXPECT_TRUE(log_has("stays on")) << "the stream is whole, but the guest is slow";
    resume();
    (void)saved();  // turns it off
    expect_unharmed();
}

TEST_F(LiveFault, NoDirtyLogNoSave)
{
    const MemoryFile file;
    fail(cue_for(log_call, 1, "EINVAL") + "," + cue_for(log_call, 3, "EINVAL"));
    EXPECT_EQ(save(file.fd()), -1);
    fail("");
    EXPECT_STREQ(error_.call, "XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY");
    EXPECT_NE(std::string{error_.message}.find("device"), std::string::npos) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
    expect_unharmed();
}

}  // namespace
}  // namespace sr::test
