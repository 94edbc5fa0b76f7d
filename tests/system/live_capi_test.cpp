// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_save() of a guest that runs: what the toolstack is asked and told, and how each way out leaves the guest.
#include "libsr/xen/libraries.hpp"
#include "tests/system/checkpoints.hpp"
#include "tests/system/live_guest.hpp"

namespace sr::test {
namespace {

using Calls = std::vector<std::string>;

TEST_F(LiveGuest, IsSavedAsItIsWhenItSuspends)
{
    const Octets stream = saved();
    EXPECT_GT(toolstack_.stats.at(2).dirty_count, 0) << "it did nothing meanwhile";
    const std::uint64_t count = here_.host.count_of(domid_text_);
    expect_restores(stream, count);
    expect_unharmed();
}

TEST_F(LiveGuest, HasItsPolicyToldWhatTheStockEngineTells)
{
    (void)saved();
    EXPECT_EQ(toolstack_.calls,
              (Calls{"precopy_policy", "precopy_policy", "precopy_policy", "precopy_policy",
                     "precopy_policy", "precopy_policy", "suspend"}));
    const auto& stats = toolstack_.stats;
    ASSERT_EQ(stats.size(), 6U);
    for (std::size_t i = 0; i < stats.size(); ++i) {
        SCOPED_TRACE(i);
        const bool is_before_a_round = i % 2 == 0;
        EXPECT_EQ(stats[i].size, sizeof(sr_precopy_stats));
        EXPECT_EQ(stats[i].iteration, (i + 1) / 2);
        EXPECT_EQ(stats[i].dirty_count >= 0, is_before_a_round);
    }
    EXPECT_EQ(stats[0].total_written, 0U);
    EXPECT_GT(stats[1].total_written, 900U);
    EXPECT_EQ(stats[2].total_written, stats[1].total_written);
    EXPECT_GT(stats[3].total_written, stats[2].total_written);
}

TEST_F(LiveGuest, HasItsProgressTold)
{
    (void)saved();
    const auto& told = toolstack_.progress;
    ASSERT_GT(told.size(), 5U);
    for (std::size_t i = 1; i < told.size(); ++i) {
        EXPECT_GE(told[i].phase, told[i - 1].phase);
        EXPECT_GE(told[i].round, told[i - 1].round);
        EXPECT_GE(told[i].pages_sent, told[i - 1].pages_sent);
        EXPECT_LE(told[i].pages_done, told[i].pages_total);
    }
    EXPECT_EQ(told.front().phase, SR_PHASE_SETUP);
    EXPECT_EQ(told[1].phase, SR_PHASE_SETUP) << "one before anything is written, one after";
    EXPECT_EQ(told[2].phase, SR_PHASE_LIVE);
    EXPECT_EQ(told.back().phase, SR_PHASE_COMPLETION);
    EXPECT_EQ(told.back().round, 3U);
    EXPECT_TRUE(log_has("round 2: "));
    EXPECT_TRUE(log_has("pages dirty"));
}

TEST_F(LiveGuest, RunsOnUntouchedIfItsPolicyGivesUp)
{
    for (std::uint32_t nth = 0; nth < 4; ++nth) {
        SCOPED_TRACE(nth);
        std::uint32_t asked = 0;
        toolstack_.decide = [&](const sr_precopy_stats&) {
            live_on();
            return asked++ == nth ? SR_PRECOPY_ABORT : SR_PRECOPY_CONTINUE;
        };
        const MemoryFile file;
        EXPECT_EQ(save(file.fd()), -1);
        EXPECT_EQ(error_.error_class, SR_ERROR_CALLBACK) << error_.message;
        EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
        EXPECT_STREQ(error_.call, "precopy_policy");
        EXPECT_EQ(here_.host.state_of(domid_text_), "running");
        expect_unharmed();
    }
}

TEST_F(LiveGuest, IsNotTouchedWhereNobodyCanSuspendIt)
{
    const MemoryFile file;
    sr_save_options options = save_options();
    options.flags = SR_SAVE_LIVE;
    error_ = fresh_error();
    EXPECT_EQ(sr_save(here_.engine.get(), domid_, file.fd(), &options, nullptr, nullptr, &error_),
              -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_USAGE);
    EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
    EXPECT_TRUE(file.contents().empty()) << "gigabytes could have been sent for nothing";
    expect_unharmed();
}

TEST_F(LiveGuest, RunsOnIfItDoesNotSuspend)
{
    const MemoryFile file;
    toolstack_.suspend_answer = SR_SUSPEND_FAILED;
    EXPECT_EQ(save(file.fd()), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CALLBACK) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_AT_SOURCE);
    expect_unharmed();

    toolstack_.suspend_answer = SR_SUSPEND_DONE;
    toolstack_.suspend_guest = [] {};
    EXPECT_EQ(save(file.fd()), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_GUEST) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_AT_SOURCE);
    expect_unharmed();
}

TEST_F(LiveGuest, CanHaveItsSaveCancelledAtAnyTime)
{
    for (const sr_phase phase :
         {SR_PHASE_SETUP, SR_PHASE_LIVE, SR_PHASE_MEMORY, SR_PHASE_COMPLETION}) {
        SCOPED_TRACE(phase);
        sr_job* const job = sr_job_new();
        toolstack_.at_progress = [&](const sr_progress& progress) {
            if (progress.phase == phase) {
                sr_cancel(job);
            }
        };
        const MemoryFile file;
        EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE, job), -1);
        EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
        EXPECT_EQ(error_.guest, phase < SR_PHASE_MEMORY ? SR_GUEST_UNTOUCHED : SR_GUEST_AT_SOURCE);
        expect_unharmed();
        sr_job_free(job);
    }
}

TEST_F(LiveGuest, CanHaveItsSaveCancelledByWhatIsAsked)
{
    // After a round, when it is about to be suspended, and while it is.
    for (const std::uint32_t when : {1U, 2U, 3U}) {
        const bool while_suspending = when == 3;
        sr_job* const job = sr_job_new();
        toolstack_.decide = [&](const sr_precopy_stats& stats) {
            live_on();
            if (stats.iteration == when) {
                sr_cancel(job);
            }
            return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
        };
        toolstack_.suspend_guest = [&] {
            sr_cancel(job);
            here_.host.suspend(domid_text_);
        };
        const MemoryFile file;
        EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE, job), -1);
        EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
        EXPECT_EQ(error_.guest, while_suspending ? SR_GUEST_AT_SOURCE : SR_GUEST_UNTOUCHED);
        expect_unharmed();
        sr_job_free(job);
    }
}

/// Then nothing is written that could be interrupted.
TEST_F(LiveGuest, CanHaveItsSaveCancelledWhileNothingIsDirty)
{
    sr_job* const job = sr_job_new();
    toolstack_.decide = [&](const sr_precopy_stats& stats) {
        if (stats.iteration == 3) {
            sr_cancel(job);
        }
        return stats.iteration < 50 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_ABORT;
    };
    const MemoryFile file;
    EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE, job), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
    expect_unharmed();
    sr_job_free(job);
}

/// As a saver that was killed leaves it.
TEST_F(LiveGuest, IsSavedThoughALogWasLeftOn)
{
    xc_interface* const xch = xc_interface_open(nullptr, nullptr, 0);
    ASSERT_EQ(xc_shadow_control(xch, domid_, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, nullptr, 0), 0);
    xc_interface_close(xch);
    live_on();
    const Octets stream = saved();
    EXPECT_TRUE(log_has("off and on again"));
    const std::uint64_t count = here_.host.count_of(domid_text_);
    expect_restores(stream, count);
    expect_unharmed();
}

TEST_F(LiveGuest, ThatCrashesMeanwhileIsNamed)
{
    toolstack_.decide = [this](const sr_precopy_stats&) {
        (void)here_.host.guest({"order", domid_text_, "crash"});
        live_on();
        return SR_PRECOPY_CONTINUE;
    };
    const MemoryFile file;
    EXPECT_EQ(save(file.fd()), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_GUEST) << error_.message;
    EXPECT_NE(std::string{error_.message}.find("crashed"), std::string::npos) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
    here_.expect_let_go(domid_text_);
}

TEST_F(LiveGuest, ThatSuspendsByItselfIsSavedWithoutBeingAsked)
{
    toolstack_.decide = [this](const sr_precopy_stats& stats) {
        if (stats.iteration == 2 && stats.dirty_count < 0) {
            here_.host.suspend(domid_text_);
        } else if (stats.iteration < 2) {
            live_on();
        }
        return stats.iteration < 3 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
    };
    const Octets stream = saved();
    EXPECT_EQ(std::count(toolstack_.calls.begin(), toolstack_.calls.end(), "suspend"), 0);
    const std::uint64_t count = here_.host.count_of(domid_text_);
    expect_restores(stream, count);
}

/// Whoever goes by the holder alone would leave it so.
TEST_F(LiveGuest, ThatSuspendsByItselfHasToBeResumed)
{
    for (const bool is_before_the_last_pass : {true, false}) {
        SCOPED_TRACE(is_before_the_last_pass);
        sr_job* const job = sr_job_new();
        toolstack_.decide = [&](const sr_precopy_stats& stats) {
            if (stats.iteration == 1 && stats.dirty_count >= 0) {
                here_.host.suspend(domid_text_);
            } else if (stats.iteration == 2 && is_before_the_last_pass) {
                return SR_PRECOPY_ABORT;
            }
            return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
        };
        toolstack_.at_progress = [&](const sr_progress& progress) {
            if (progress.phase == SR_PHASE_MEMORY) {
                sr_cancel(job);
            }
        };
        const MemoryFile file;
        EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE, job), -1);
        EXPECT_EQ(error_.error_class,
                  is_before_the_last_pass ? SR_ERROR_CALLBACK : SR_ERROR_CANCELLED)
            << error_.message;
        EXPECT_EQ(std::count(toolstack_.calls.begin(), toolstack_.calls.end(), "suspend"), 0);
        EXPECT_EQ(error_.guest, SR_GUEST_AT_SOURCE);
        expect_unharmed();
        sr_job_free(job);
    }
}

}  // namespace
}  // namespace sr::test
