// SPDX-License-Identifier: LGPL-2.1-or-later
// Saves in which the thread that prepares pages is at work while the caller's does something else. What they say is little: they are for
// builds with sanitizers.
#include "tests/system/live_guest.hpp"

namespace sr::test {
namespace {

/// A guest of several batches, on a host that takes its time to tell types of pages.
class LiveThreads : public LiveGuest {
protected:
    LiveThreads() : LiveGuest{{"--quirk", "latency:domctl.getpageframeinfo3:20000"}} {}
    void SetUp() override
    {
        start_guest({"--no-balloon", "--dirty-rate", "8"}, "20M");
        stale_types_ = SR_STALE_TYPES_ON;
    }
};

/// The preparing thread asks what was found out about tables, which must not be gone before it ends.
TEST_F(LiveThreads, EndWhereTheLastPassIsCancelled)
{
    for (const std::uint32_t flags : {std::uint32_t{SR_SAVE_LIVE}, std::uint32_t{0}}) {
        SCOPED_TRACE(flags);
        sr_job* const job = sr_job_new();
        toolstack_.at_progress = [&](const sr_progress& told) {
            if (told.phase == SR_PHASE_MEMORY) {
                sr_cancel(job);
            }
        };
        toolstack_.suspend_guest = [this] {
            here_.host.step(domid_text_, 100);  // much is dirty, here and there
            here_.host.suspend(domid_text_);
        };
        const MemoryFile file;
        EXPECT_EQ(save(file.fd(), flags, job), -1);
        EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
        EXPECT_EQ(error_.guest, SR_GUEST_AT_SOURCE);
        expect_unharmed();
        sr_job_free(job);
    }
}

TEST_F(LiveThreads, LookForStaleTypesInTheLastPass)
{
    (void)saved();
    EXPECT_TRUE(log_has("are not in use and go out as ordinary pages"));
    expect_unharmed();
}

/// What was found out is found out again for each, while the thread lives on.
TEST_F(LiveThreads, LookForStaleTypesAtEachCheckpoint)
{
    int nr_checkpoints = 0;
    toolstack_.resume_guest = [this] {
        resume();
        live_on();
        return SR_POSTCOPY_DONE;
    };
    toolstack_.take_checkpoint = [&] {
        return ++nr_checkpoints < 3 ? SR_CHECKPOINT_AGAIN : SR_CHECKPOINT_STOP;
    };
    const MemoryFile file;
    EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE, nullptr, SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_EQ(nr_checkpoints, 3);
    expect_unharmed();
}

}  // namespace
}  // namespace sr::test
