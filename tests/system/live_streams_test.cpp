// SPDX-License-Identifier: LGPL-2.1-or-later
// What the streams of running guests hold: pages that come again to be compared, one checkpoint after the other, and no
// page that could not be read.
#include "tests/system/checkpoints.hpp"
#include "tests/system/live_guest.hpp"
#include "tests/system/outside_p2m.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unistd.h>

namespace sr::test {
namespace {

std::size_t nr_records(const StreamPieces& stream, RecordType type)
{
    return static_cast<std::size_t>(
        std::count_if(stream.records.begin(), stream.records.end(),
                      [=](const RecordPiece& record) { return record.type == type; }));
}

class LiveStream : public LiveGuest {};

/// The receiver compares every page with what it has, and fails if one differs: so none was forgotten.
TEST_F(LiveStream, HasAllPagesTwiceToVerify)
{
    const Octets stream = saved(SR_SAVE_LIVE | SR_SAVE_VERIFY);
    const StreamPieces pieces = split(stream);
    ASSERT_EQ(nr_records(pieces, RecordType::verify), 1U);
    StreamPages before = pages_of(before_verify(pieces));
    std::erase_if(before, [](const auto& page) { return !has_contents(page.second.type); });
    const StreamPages again = pages_of(behind_verify(pieces));
    EXPECT_EQ(again.size(), before.size() - 2) << "all but the rings of xenstore and console";
    for (const auto& [pfn, page] : again) {
        EXPECT_TRUE(before.at(pfn) == page) << pfn;
    }
    const std::uint64_t count = here_.host.count_of(domid_text_);
    expect_restores(stream, count);
    expect_unharmed();
}

/// As xenconsoled does, which reads on while the guest stands still.
TEST_F(LiveStream, IsNotFoundWrongForWhatDaemonsWriteToTheRings)
{
    const std::string ring = "/local/domain/" + domid_text_ + "/console/ring-ref";
    bool is_last_pass = false;
    toolstack_.at_progress = [&](const sr_progress& told) {
        if (told.phase == SR_PHASE_MEMORY && !std::exchange(is_last_pass, true)) {
            const auto frame = here_.toolstack->store().now().read(ring);
            OutsideP2m{domid_}.change_page(std::stoull(frame.value()));
        }
    };
    const Octets stream = saved(SR_SAVE_LIVE | SR_SAVE_VERIFY);
    toolstack_.at_progress = {};
    const std::uint64_t count = here_.host.count_of(domid_text_);
    expect_restores(stream, count);
}

/// It stands still while they are counted, and decides how many there are.
TEST_F(LiveStream, NamesAFewOnlyOfThePfnsThatAreNotTheGuests)
{
    constexpr std::size_t nr_foreign = 200;
    const std::uint64_t foreign = OutsideP2m{domid_}.entry(0);  // of the guest that SetUp() made
    start_guest({"--no-balloon", "--sparse", "4000"});
    OutsideP2m p2m{domid_};
    for (std::uint64_t pfn = 2000; pfn < 2000 + nr_foreign; ++pfn) {
        p2m.entry(pfn) = foreign;
    }
    (void)saved(0);
    EXPECT_TRUE(log_has("name machine frames that are not its memory")) << "all are counted";
    const auto nr_named =
        std::count_if(toolstack_.log.begin(), toolstack_.log.end(), [](const std::string& line) {
            return line.find("is a machine frame that is not") != std::string::npos;
        });
    EXPECT_GT(nr_named, 0);
    EXPECT_LT(nr_named, 50);
}

TEST_F(LiveStream, NamesThePfnsThatWereGivenBack)
{
    start_guest({"--balloon-rate", "8", "--no-tables"});
    const StreamPages pages = pages_of(split(saved()));
    EXPECT_GT(std::count_if(pages.begin(), pages.end(),
                            [](const auto& page) { return page.second.type == PageType::xtab; }),
              0);
}

TEST_F(LiveStream, HasNoPageThatCouldNotBeTranslated)
{
    start_guest({"--bad-pte"});
    const MemoryFile file;
    EXPECT_EQ(save(file.fd()), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_GUEST) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_AT_SOURCE) << "it was not given up before the last pass";
    EXPECT_NE(error_.pfn, SR_NONE);
    EXPECT_NE(std::string{error_.message}.find("L1TAB"), std::string::npos) << error_.message;
    EXPECT_EQ(toolstack_.calls.back(), "suspend");
    here_.expect_let_go(domid_text_);
}

/// A toolstack that takes checkpoints, and writes a line of its own behind each.
class Checkpoints : public LiveGuest {
protected:
    static constexpr std::string_view line = "CHECKPOINT_END, says the toolstack\n";

    void SetUp() override
    {
        LiveGuest::SetUp();
        toolstack_.suspend_guest = [this] {
            here_.host.suspend(domid_text_);
            counts_.push_back(here_.host.count_of(domid_text_));
        };
        toolstack_.resume_guest = [this] {
            resume();
            live_on();
            return SR_POSTCOPY_DONE;
        };
        toolstack_.take_checkpoint = [this] {
            EXPECT_EQ(::write(file_.fd(), line.data(), line.size()),
                      static_cast<ssize_t>(line.size()));
            return counts_.size() < 4 ? SR_CHECKPOINT_AGAIN : SR_CHECKPOINT_STOP;
        };
    }
    [[nodiscard]] int take(std::uint32_t flags = SR_SAVE_LIVE, sr_job* job = nullptr)
    {
        return save(file_.fd(), flags, job, SR_STREAM_REMUS);
    }
    void expect_restores_last()
    {
        expect_restores(file_.contents(), counts_.back(), SR_STREAM_REMUS, [](int fd) {
            std::array<char, line.size()> text{};
            EXPECT_EQ(::read(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
            EXPECT_EQ(std::string_view(text.data(), text.size()), line);
        });
    }

    MemoryFile file_;
    std::vector<std::uint64_t> counts_;  ///< of the guest at each checkpoint
};

TEST_F(Checkpoints, HoldTheGuestAsItWasAtTheLast)
{
    ASSERT_EQ(take(), 0) << error_.message;
    EXPECT_EQ(here_.host.state_of(domid_text_), "running");
    const std::vector<std::string> each = {"suspend", "postcopy", "checkpoint"};
    auto& calls = toolstack_.calls;
    calls.erase(calls.begin(), std::find(calls.begin(), calls.end(), "suspend"));
    ASSERT_EQ(calls.size(), 4 * each.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
        EXPECT_EQ(calls[i], each[i % each.size()]);
    }
    expect_restores_last();
    expect_unharmed();
}

TEST_F(Checkpoints, NeedNoLiveRounds)
{
    ASSERT_EQ(take(0), 0) << error_.message;
    EXPECT_EQ(toolstack_.stats.size(), 0U);
    expect_restores_last();
    expect_unharmed();
}

TEST_F(Checkpoints, AreSmallWhereLittleChanges)
{
    std::vector<std::size_t> sizes;
    toolstack_.take_checkpoint = [&] {
        sizes.push_back(file_.contents().size());
        return sizes.size() < 3 ? SR_CHECKPOINT_AGAIN : SR_CHECKPOINT_STOP;
    };
    ASSERT_EQ(take(0), 0) << error_.message;
    EXPECT_GT(sizes[0], 900U * 4096);
    EXPECT_LT(sizes[1] - sizes[0], sizes[0] / 2);
    EXPECT_LT(sizes[2] - sizes[1], sizes[0] / 2);
}

TEST_F(Checkpoints, AreNotSentTwiceToBeCompared)
{
    EXPECT_EQ(take(SR_SAVE_LIVE | SR_SAVE_VERIFY), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_USAGE) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
    EXPECT_TRUE(file_.contents().empty());
}

TEST_F(Checkpoints, LeaveTheGuestInDoubtOnceThereIsOne)
{
    toolstack_.resume_guest = [] { return SR_POSTCOPY_FAILED; };
    EXPECT_EQ(take(), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CALLBACK) << error_.message;
    EXPECT_STREQ(error_.call, "postcopy");
    EXPECT_EQ(error_.guest, SR_GUEST_IN_DOUBT);
    expect_unharmed();

    SetUp();
    sr_job* const job = sr_job_new();
    toolstack_.take_checkpoint = [&] {
        sr_cancel(job);
        return SR_CHECKPOINT_AGAIN;
    };
    EXPECT_EQ(take(SR_SAVE_LIVE, job), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_IN_DOUBT);
    EXPECT_EQ(here_.host.state_of(domid_text_), "running") << "it was suspended for nothing";
    expect_unharmed();
    sr_job_free(job);
}

TEST_F(Checkpoints, LeaveTheGuestAtTheSourceBeforeThat)
{
    sr_job* const job = sr_job_new();
    toolstack_.at_progress = [&](const sr_progress& progress) {
        if (progress.phase == SR_PHASE_COMPLETION) {
            sr_cancel(job);
        }
    };
    EXPECT_EQ(take(SR_SAVE_LIVE, job), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_AT_SOURCE);
    expect_unharmed();
    sr_job_free(job);
}

}  // namespace
}  // namespace sr::test
