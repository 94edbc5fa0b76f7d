// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest that runs, by command, while this process saves it through sr.h.
#pragma once

#include "tests/system/capi_support.hpp"
#include "tests/system/stepped_host.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sr::test {

/// The toolstack of a live save, which has the guest live on whenever it is asked something.
struct LiveToolstack : Recorder {
    std::function<void()> suspend_guest;
    std::function<sr_precopy_decision(const sr_precopy_stats&)> decide;
    std::function<sr_postcopy_result()> resume_guest;
    std::function<sr_checkpoint_result()> take_checkpoint;
    std::vector<sr_precopy_stats> stats;  ///< as the policy was told

    /// All operations of a live save; those of checkpoints if there are any.
    [[nodiscard]] sr_save_ops live_ops();
};

class LiveGuest : public testing::Test {
protected:
    /// @param host_options  of `fakexen start`
    explicit LiveGuest(const std::vector<std::string>& host_options = {}) : here_{host_options} {}

    /// Quanta that the guest lives between any two questions of the policy.
    static constexpr std::uint64_t quanta_a_time = 2;

    /// A guest that gives back and takes memory, changes tables, gets other frames and moves its p2m.
    void start_guest(const std::vector<std::string>& options = {},
                     const std::string& memory = "4M");
    void SetUp() override { start_guest(); }

    [[nodiscard]] int save(int fd, std::uint32_t flags = SR_SAVE_LIVE, sr_job* job = nullptr,
                           sr_stream_type type = SR_STREAM_PLAIN);
    /// A save that has to succeed.
    [[nodiscard]] Octets saved(std::uint32_t flags = SR_SAVE_LIVE);
    void live_on() const { here_.host.step(domid_text_, quanta_a_time); }
    void resume() const { here_.toolstack->resume(domid_); }

    /// After a save that failed: nothing is mapped, its dirty log is off, and it runs on or can be resumed.
    void expect_unharmed() const;
    /// A copy made of the stream goes on from where the guest was, and finds all as it was.
    /// @param at_checkpoint  takes from the descriptor what the toolstack wrote behind a CHECKPOINT
    void expect_restores(const Octets& stream, std::uint64_t count,
                         sr_stream_type type = SR_STREAM_PLAIN,
                         const std::function<void(int)>& at_checkpoint = {});
    [[nodiscard]] bool log_has(const std::string& text) const;

    SteppedHost here_;
    std::string domid_text_;
    DomId domid_ = 0;
    LiveToolstack toolstack_;
    sr_error error_{};
    sr_stale_types stale_types_ = SR_STALE_TYPES_AUTO;
};

}  // namespace sr::test
