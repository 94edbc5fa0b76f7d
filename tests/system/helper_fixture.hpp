// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest on a host, libsr's save helper, and what must hold after it failed.
#pragma once

#include "tests/system/call_log.hpp"
#include "tests/system/helper_support.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace sr::test {

// What helper-driver exits with.
constexpr int saved_or_restored = 0;
constexpr int told_of_failure = 1;
constexpr int cut_off = 2;

// Beginnings of its lines.
constexpr const char* level_error = "log 8 ";
constexpr const char* failed = "complete -1 ";

/// The first line of a driver's that begins so.
[[nodiscard]] std::string line_of(const Ended& ended, const std::string& beginning);

/// Messages that a helper sent, `complete` among them.
[[nodiscard]] std::vector<std::string> messages_in(const Ended& ended);

class HelperFixture : public testing::Test {
protected:
    [[nodiscard]] Ended save(std::vector<std::string> options, const Environment& more = {}) const
    {
        options.insert(options.end(), {"--afterwards", "resume"});
        const Ended ended = start_save(host_, Engine::libsr, file_, domid_, options, more).wait();
        EXPECT_FALSE(has_line(ended, "mark: left behind")) << ended.all();
        return ended;
    }

    [[nodiscard]] Ended restore(const std::vector<std::string>& options,
                                const Environment& more = {}) const
    {
        return start_restore(host_, Engine::libsr, file_, restored_, options, more).wait();
    }

    /// A stream to restore from; the guest runs on.
    void save_for_restores() const
    {
        const Ended saved = save({});
        ASSERT_EQ(saved.status, saved_or_restored) << saved.all() << host_.log();
    }

    /// The guest runs, or goes on now that it is asked to, and has lost nothing.
    void expect_guest_goes_on() const
    {
        if (host_.state_of(domid_) != "running") {
            const Ended resumed = xsr(host_, {"resume", domid_});
            ASSERT_EQ(resumed.status, 0) << resumed.all();
        }
        expect_alive(host_, domid_, host_.count_of(domid_));
    }

    void expect_only_the_guest() const
    {
        EXPECT_EQ(domains_of(host_),
                  std::vector<unsigned>{static_cast<unsigned>(std::stoul(domid_))});
    }

    /// Of the calls that the helper made.
    [[nodiscard]] std::map<std::string, int> calls_after(std::uint64_t number) const
    {
        return count_calls(host_, number, [](const LoggedCall& call) {
            return call.program.find("save-h") != std::string::npos;
        });
    }

    TemporaryDirectory files_;
    std::string file_ = files_.path() + "/stream";
    FakeHost host_{{"--memory", "64M", "--seed", "3"}};
    GuestShape restored_ = {.name = "copy", .memory_mib = 4, .nr_vcpus = 2};
    std::string domid_ = [this] {
        std::string made = create_guest(host_, {.memory_mib = 4, .nr_vcpus = 2});
        (void)host_.await_count(made, 10);
        return made;
    }();
};

}  // namespace sr::test
