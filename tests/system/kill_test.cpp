// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr save and xsr restore, killed at 100 moments each, and asked to stop at others: after the n-th call of the hypervisor, or when
// so many octets of the stream have gone by. At every moment somebody holds the guest, and an operator finds out who.
// SR_SEED chooses other moments, SR_MOMENTS how many of each kind.
#include "libsr/base/fd.hpp"
#include "tests/support/json.hpp"
#include "tests/system/call_log.hpp"
#include "tests/system/stepped_host.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <random>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sr::test {
namespace {

using nlohmann::json;

// A sanitized xsr takes several times as long, and the moments are the same ones.
#ifdef SR_SANITIZED
constexpr int nr_moments_usually = 10;
#else
constexpr int nr_moments_usually = 50;
#endif
constexpr int killed = 128 + SIGKILL;
constexpr int stopped = 130;

std::uint64_t seed()
{
    const char* const text = std::getenv("SR_SEED");
    return text != nullptr ? std::stoull(text) : 20261120;
}

int nr_moments()
{
    const char* const text = std::getenv("SR_MOMENTS");
    return text != nullptr ? std::stoi(text) : nr_moments_usually;
}

struct Ends {
    Ends()
    {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        reader = Fd{ends[0]};
        writer = Fd{ends[1]};
    }
    Fd reader;
    Fd writer;
};

class Kill : public testing::Test {
protected:
    Kill() { random_.seed(seed()); }

    [[nodiscard]] std::string file() const { return files_.path() + "/web.xl"; }
    [[nodiscard]] std::uint64_t up_to(std::uint64_t most)
    {
        return std::uniform_int_distribution<std::uint64_t>{1, most}(random_);
    }
    [[nodiscard]] static std::vector<std::string> command(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return arguments;
    }
    [[nodiscard]] static Environment with_cue(const SteppedHost& on, const std::string& cue)
    {
        Environment all = on.host.environment();
        all["FAKEXEN_FAIL"] = cue;
        return all;
    }
    [[nodiscard]] static Ended xsr(const SteppedHost& on, const std::vector<std::string>& arguments,
                                   const std::string& cue = "")
    {
        return run_command(command(arguments), with_cue(on, cue));
    }
    [[nodiscard]] Ended save(const SteppedHost& on, const std::string& cue = "") const
    {
        return xsr(on, {"save", "--force", "--progress", "none", "web", file()}, cue);
    }
    /// Calls that one xsr makes from its start to its end.
    [[nodiscard]] static std::uint64_t nr_calls_after(const FakeHost& host, std::uint64_t before)
    {
        std::uint64_t nr = 0;
        for (const LoggedCall& call : logged_calls(host)) {
            nr += call.number > before && call.program.find("xsr") != std::string::npos ? 1U : 0U;
        }
        return nr;
    }
    [[nodiscard]] static json listed(const SteppedHost& on)
    {
        const Ended list = xsr(on, {"list", "--json"});
        EXPECT_EQ(list.status, 0) << list.all();
        json domains = parsed_json(list.out);
        domains.erase(0);  // domain 0
        return domains;
    }

    TemporaryDirectory files_;
    std::mt19937_64 random_;
};

class KillSave : public Kill {
protected:
    void SetUp() override
    {
        domid_ = here_.suspended_guest("web");
        const std::uint64_t before = last_call(here_.host);
        ASSERT_EQ(save(here_).status, 0);
        nr_calls_ = nr_calls_after(here_.host, before);
        restore_and_suspend();
    }
    /// Once the file is complete and the domain gone, the guest is in the file.
    void restore_and_suspend()
    {
        const Ended restored = xsr(here_, {"restore", "--progress", "none", file()});
        ASSERT_EQ(restored.status, 0) << restored.all();
        domid_ = restored.out.substr(0, restored.out.find('\n'));
        here_.expect_intact(domid_);
        here_.host.suspend(domid_);
        std::filesystem::remove(file());
    }
    /// What an operator does who finds a domain suspended.
    void resume_and_suspend()
    {
        here_.expect_let_go(domid_);
        const json domains = listed(here_);
        ASSERT_EQ(domains.size(), 1U);
        EXPECT_EQ(domains[0]["state"], "suspended");
        const Ended resumed = xsr(here_, {"resume", "web"});
        EXPECT_EQ(resumed.status, 0) << resumed.all();
        here_.expect_intact(domid_);
        here_.host.suspend(domid_);
    }
    void expect_guest_somewhere()
    {
        if (here_.host.state_of(domid_) == "gone") {
            EXPECT_TRUE(std::filesystem::exists(file())) << "the guest is nowhere";
            restore_and_suspend();
        } else {
            resume_and_suspend();
            if (std::filesystem::remove(file())) {
                ++nr_both_;
            }
        }
    }

    SteppedHost here_;
    std::string domid_;
    std::uint64_t nr_calls_ = 0;
    int nr_both_ = 0;
};

TEST_F(KillSave, AfterACall)
{
    for (int moment = 0; moment < nr_moments(); ++moment) {
        const std::string cue = cue_for("any", static_cast<int>(up_to(nr_calls_)), "SIGKILL");
        SCOPED_TRACE("SR_SEED=" + std::to_string(seed()) + " " + cue);
        const Ended ended = save(here_, cue);
        EXPECT_EQ(ended.status, killed) << ended.all();
        expect_guest_somewhere();
    }
    EXPECT_LT(nr_both_, nr_moments() / 5)
        << "only between the file's completion and the domain's end";
}

/// Reads so many octets, and no more.
void take(int fd, std::uint64_t octets)
{
    std::vector<char> room(65536);
    while (octets > 0) {
        const ssize_t got = ::read(fd, room.data(), std::min<std::uint64_t>(octets, room.size()));
        if (got <= 0) {
            return;
        }
        octets -= static_cast<std::uint64_t>(got);
    }
}

TEST_F(KillSave, WhenSoManyOctetsWereTaken)
{
    constexpr std::uint64_t stream_octets = std::uint64_t{30}
                                            << 17;  // less than it has by what a pipe holds
    for (int moment = 0; moment < nr_moments(); ++moment) {
        const std::uint64_t octets = up_to(stream_octets);
        SCOPED_TRACE("SR_SEED=" + std::to_string(seed()) + " octets " + std::to_string(octets));
        Ends pipe;
        Running saver{command({"save", "--progress", "none", "web", "-"}),
                      here_.host.environment(),
                      {.in = -1, .out = pipe.writer.get()}};
        pipe.writer = Fd{};
        take(pipe.reader.get(), octets);
        saver.signal(SIGKILL);
        EXPECT_EQ(saver.wait().status, killed);
        resume_and_suspend();
    }
}

TEST_F(KillSave, AskedToStopAfterACall)
{
    const char* const signals[] = {"SIGINT", "SIGTERM", "SIGHUP"};
    for (int moment = 0; moment < nr_moments() / 2; ++moment) {
        const auto nth = static_cast<int>(up_to(nr_calls_));
        const std::string cue = cue_for("any", nth, signals[moment % 3]);
        SCOPED_TRACE("SR_SEED=" + std::to_string(seed()) + " " + cue);
        const Ended ended = save(here_, cue);
        EXPECT_EQ(here_.host.state_of(domid_) == "gone", ended.status == 0) << ended.all();
        EXPECT_FALSE(std::filesystem::exists(file() + ".partial") && ended.status == stopped);
        expect_guest_somewhere();
    }
}

class KillRestore : public Kill {
protected:
    void SetUp() override
    {
        const SteppedHost source;
        (void)source.suspended_guest("web");
        ASSERT_EQ(save(source).status, 0);
        ::setenv("FAKEXEN_HOST", here_.host.path().c_str(), 1);
        free_frames_ = here_.free_frames();
        store_entries_ = here_.store_entries();
        const Ended restored = xsr(here_, restore(file()));
        ASSERT_EQ(restored.status, 0) << restored.all();
        nr_calls_ = nr_calls_after(here_.host, 0);
        expect_whole("1");
    }
    [[nodiscard]] static std::vector<std::string> restore(const std::string& from)
    {
        return {"restore", "--progress", "none", from};
    }
    void expect_whole(const std::string& domid)
    {
        here_.expect_intact(domid);
        EXPECT_EQ(xsr(here_, {"destroy", domid}).status, 0);
    }
    /// An operator finds what is there, and clears up.
    void clear_up()
    {
        for (const json& domain : listed(here_)) {
            const std::string domid = std::to_string(domain["domid"].get<unsigned>());
            here_.expect_let_go(domid);
            if (domain["state"] == "running") {
                expect_whole(domid);
                continue;
            }
            const Ended resumed = xsr(here_, {"resume", domid});
            if (domain["state"] == "paused") {
                EXPECT_EQ(resumed.status, 0) << resumed.all();
                expect_whole(domid);
                continue;
            }
            EXPECT_EQ(domain["state"], "incomplete");
            EXPECT_EQ(resumed.status, 7) << resumed.all();
            EXPECT_NE(resumed.errors.find("xsr destroy " + domid), std::string::npos);
            EXPECT_EQ(xsr(here_, {"destroy", domid}).status, 0);
            ++nr_incomplete_;
        }
        EXPECT_EQ(here_.free_frames(), free_frames_);
        EXPECT_EQ(here_.store_entries(), store_entries_);
    }

    SteppedHost here_;
    std::uint64_t nr_calls_ = 0;
    std::uint64_t free_frames_ = 0;
    std::vector<std::string> store_entries_;
    int nr_incomplete_ = 0;
};

TEST_F(KillRestore, AfterACall)
{
    for (int moment = 0; moment < nr_moments(); ++moment) {
        const std::string cue = cue_for("any", static_cast<int>(up_to(nr_calls_)), "SIGKILL");
        SCOPED_TRACE("SR_SEED=" + std::to_string(seed()) + " " + cue);
        const Ended ended = xsr(here_, restore(file()), cue);
        EXPECT_EQ(ended.status, killed) << ended.all();
        clear_up();
    }
    EXPECT_GT(nr_incomplete_, nr_moments() / 3);
}

/// Writes the first octets of a file, and waits until the reader has taken them.
void feed(int fd, const std::string& from, std::uint64_t octets)
{
    std::ifstream in{from, std::ios::binary};
    std::vector<char> room(octets);
    in.read(room.data(), static_cast<std::streamsize>(octets));
    for (std::size_t done = 0; done < room.size();) {
        const ssize_t wrote = ::write(fd, room.data() + done, room.size() - done);
        ASSERT_GT(wrote, 0);
        done += static_cast<std::size_t>(wrote);
    }
    for (int waiting = 1; waiting > 0;) {
        ASSERT_EQ(::ioctl(fd, FIONREAD, &waiting), 0);
        (void)::poll(nullptr, 0, waiting > 0 ? 1 : 0);
    }
}

TEST_F(KillRestore, WhenSoManyOctetsWereTaken)
{
    const std::uint64_t whole = std::filesystem::file_size(file());
    for (int moment = 0; moment < nr_moments(); ++moment) {
        const std::uint64_t octets = up_to(whole - 1);
        SCOPED_TRACE("SR_SEED=" + std::to_string(seed()) + " octets " + std::to_string(octets));
        Ends pipe;
        Running restorer{
            command(restore("-")), here_.host.environment(), {.in = pipe.reader.get(), .out = -1}};
        feed(pipe.writer.get(), file(), octets);
        restorer.signal(SIGKILL);
        EXPECT_EQ(restorer.wait().status, killed);
        clear_up();
    }
}

TEST_F(KillRestore, AskedToStopAfterACall)
{
    for (int moment = 0; moment < nr_moments() / 2; ++moment) {
        const auto nth = static_cast<int>(up_to(nr_calls_));
        const std::string cue = cue_for("any", nth, moment % 2 == 0 ? "SIGINT" : "SIGTERM");
        SCOPED_TRACE("SR_SEED=" + std::to_string(seed()) + " " + cue);
        const Ended ended = xsr(here_, restore(file()), cue);
        for (const json& domain : listed(here_)) {
            EXPECT_EQ(ended.status, 0) << ended.all();
            EXPECT_EQ(domain["state"], "running") << ended.all();
        }
        clear_up();
    }
    EXPECT_EQ(nr_incomplete_, 0);
}

}  // namespace
}  // namespace sr::test
