// SPDX-License-Identifier: LGPL-2.1-or-later
// The two pipes to libxl, in a process of its own whose standard streams they are.
#include "libsr/base/fd.hpp"
#include "tools/save-helper/libxl_link.hpp"
#include "tools/save-helper/messages.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sr {
namespace {

class HelperLink : public testing::Test {
protected:
    HelperLink()
    {
        std::array<int, 2> answers{};
        std::array<int, 2> messages{};
        EXPECT_EQ(::pipe2(answers.data(), O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(messages.data(), O_CLOEXEC), 0);
        helper_in_ = Fd{answers[0]};
        answers_ = Fd{answers[1]};
        messages_ = Fd{messages[0]};
        helper_out_ = Fd{messages[1]};
    }

    ~HelperLink() override
    {
        if (child_ > 0) {
            (void)::kill(child_, SIGKILL);
            (void)::waitpid(child_, nullptr, 0);
        }
    }

    /// Runs what a helper does; its exit status is what that returns.
    void start(const std::function<int(LibxlLink&)>& helper)
    {
        child_ = ::fork();
        ASSERT_GE(child_, 0);
        if (child_ == 0) {
            (void)::dup2(helper_in_.get(), STDIN_FILENO);
            (void)::dup2(helper_out_.get(), STDOUT_FILENO);
            close_all();
            (void)std::signal(SIGPIPE, SIG_IGN);
            (void)::alarm(100);  // a helper that hangs is a failure
            int status = 1;
            {
                LibxlLink link{nullptr};
                status = helper(link);
            }
            ::_exit(status);
        }
        helper_in_ = Fd{};
        helper_out_ = Fd{};
    }

    /// Its exit status, or 1000 + the signal that ended it.
    [[nodiscard]] int wait()
    {
        int status = 0;
        (void)::waitpid(std::exchange(child_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

    /// Waits until the helper has said so many octets.
    [[nodiscard]] Octets read_message(std::size_t length) const
    {
        Octets octets(length);
        for (std::size_t got = 0; got < length;) {
            const ssize_t moved = ::read(messages_.get(), octets.data() + got, length - got);
            if (moved <= 0) {
                break;
            }
            got += static_cast<std::size_t>(moved);
        }
        return octets;
    }

    Fd answers_;
    Fd messages_;

private:
    void close_all()
    {
        for (Fd* const fd : {&helper_in_, &helper_out_, &answers_, &messages_}) {
            *fd = Fd{};
        }
    }

    Fd helper_in_;
    Fd helper_out_;
    pid_t child_ = -1;
};

constexpr int failed = -7;

int tell_for_ever(LibxlLink& link)
{
    while (link.status_if_gone() == 0) {
        link.tell(progress_message("x", "y", 1, 2));
    }
    return link.status_if_gone();
}

TEST_F(HelperLink, AnAnswerMayComeInPieces)
{
    start([](LibxlLink& link) {
        return link.ask(bare_message(HelperMessage::suspend), failed) == 0x01020304 ? 0 : 1;
    });
    EXPECT_EQ(read_message(4), bare_message(HelperMessage::suspend));
    const int answer = 0x01020304;
    std::array<char, sizeof(answer)> octets{};
    std::memcpy(octets.data(), &answer, sizeof(answer));
    for (const char& octet : octets) {
        ASSERT_EQ(::write(answers_.get(), &octet, 1), 1);
        (void)::usleep(1000);
    }
    EXPECT_EQ(wait(), 0);
}

TEST_F(HelperLink, TheLastAnswerCountsThoughLibxlGoes)
{
    start([](LibxlLink& link) {
        link.conclude(complete_message(0, 0));
        return link.status_if_gone();
    });
    EXPECT_EQ(read_message(12), complete_message(0, 0));
    const int answer = 0;
    ASSERT_EQ(::write(answers_.get(), &answer, sizeof(answer)), sizeof(answer));
    answers_ = Fd{};
    messages_ = Fd{};
    EXPECT_EQ(wait(), 0);
}

TEST_F(HelperLink, NobodyAnswers)
{
    start([](LibxlLink& link) {
        return link.ask(bare_message(HelperMessage::suspend), failed) == failed
                   ? link.status_if_gone()
                   : 1;
    });
    EXPECT_EQ(read_message(4), bare_message(HelperMessage::suspend));
    answers_ = Fd{};
    EXPECT_EQ(wait(), 254);
}

TEST_F(HelperLink, NobodyListensToWhoWaitsForAnAnswer)
{
    start([](LibxlLink& link) {
        return link.ask(bare_message(HelperMessage::suspend), failed) == failed
                   ? link.status_if_gone()
                   : 1;
    });
    EXPECT_EQ(read_message(4), bare_message(HelperMessage::suspend));
    messages_ = Fd{};
    EXPECT_EQ(wait(), 255);
}

/// The pipe is full, and whoever writes waits.
TEST_F(HelperLink, NobodyListensToWhoWaitsToBeHeard)
{
    start(&tell_for_ever);
    (void)::usleep(100'000);
    messages_ = Fd{};
    EXPECT_EQ(wait(), 255);
}

TEST_F(HelperLink, LibxlGoesWhileItIsNotRead)
{
    start(&tell_for_ever);
    (void)::usleep(100'000);
    answers_ = Fd{};
    EXPECT_EQ(wait(), 254);
}

TEST_F(HelperLink, LeavesTheDescriptorsAsTheyAre)
{
    start([](LibxlLink& link) {
        link.tell(bare_message(HelperMessage::suspend));
        const bool is_kept = (::fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK) == 0 &&
                             (::fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK) == 0;
        return is_kept ? 0 : 1;
    });
    EXPECT_EQ(wait(), 0);
}

}  // namespace
}  // namespace sr
