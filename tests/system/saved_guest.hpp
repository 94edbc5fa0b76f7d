// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest that was saved several times in its life, and restores of streams made of these saves.
#pragma once

#include "tests/system/capi_support.hpp"
#include "tests/system/checkpoints.hpp"
#include "tests/system/stepped_host.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sr::test {

class SavedGuest : public testing::Test {
protected:
    static constexpr std::size_t nr_saves = 3;

    void SetUp() override;

    /// A restore whose toolstack answers checkpoints as `answers` say, SUCCESS when they run out.
    [[nodiscard]] int restore(const Octets& stream, sr_stream_type type,
                              std::vector<sr_restore_checkpoint_result> answers = {});
    [[nodiscard]] int restore(int fd, sr_stream_type type, sr_job* job = nullptr);
    /// The new domain is unpaused, and goes on from where it was at that save, from 0.
    void expect_lives_on_from(std::size_t save);
    /// Neither domain nor frames are left of a restore that failed, once the domain is destroyed.
    void expect_nothing_left();

    [[nodiscard]] std::size_t calls_of_checkpoint() const;
    [[nodiscard]] bool log_has(const std::string& text) const;
    /// Pages that the new domain owns.
    [[nodiscard]] std::uint64_t nr_pages() const;

    SteppedHost here_;
    std::vector<Octets> saves_;          ///< bare streams
    std::vector<std::uint64_t> counts_;  ///< of the guest, at each save
    std::uint64_t memory_kib_ = 8192;    ///< of a new domain
    std::unique_ptr<NewDomain> domain_;
    std::function<void()> at_new_domain_;  ///< done once, between its creation and the restore
    Recorder recorder_;
    sr_error error_{};

private:
    std::uint64_t free_frames_ = 0;
};

}  // namespace sr::test
