// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr on a terminal, where ^C and a window that closes are signals to a process group, and with too little of what a
// process needs: descriptors, room on the disk.
#include "libsr/base/fd.hpp"
#include "tests/support/fakehost.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sr::test {
namespace {

constexpr int stopped = 130;

/// The master's side of a pseudo-terminal.
class Terminal {
public:
    Terminal() : master_{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)}
    {
        char name[64];
        EXPECT_EQ(::grantpt(master_.get()), 0);
        EXPECT_EQ(::unlockpt(master_.get()), 0);
        EXPECT_EQ(::ptsname_r(master_.get(), name, sizeof name), 0);
        name_ = name;
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    void type(char key) const { EXPECT_EQ(::write(master_.get(), &key, 1), 1); }
    void close() { master_ = Fd{}; }
    /// What was written to it, up to its last user's end.
    [[nodiscard]] std::string text() const
    {
        std::string all;
        char piece[4096];
        for (ssize_t got = 0; (got = ::read(master_.get(), piece, sizeof piece)) > 0;) {
            all.append(piece, static_cast<std::size_t>(got));
        }
        return all;
    }

private:
    Fd master_;
    std::string name_;
};

class OnTerminal : public testing::Test {
protected:
    OnTerminal() : domid_{host_.create_guest({"--memory", "16M", "--name", "web", "--period", "1"})}
    {
        (void)host_.await_count(domid_, 30);
        EXPECT_EQ(::mkfifo(fifo().c_str(), 0600), 0);
    }
    [[nodiscard]] std::string fifo() const { return files_.path() + "/fifo"; }
    /// A save that has suspended its guest and waits for a reader that does not read.
    [[nodiscard]] std::unique_ptr<Running> stalled_save(const Terminal& terminal)
    {
        reader_ = Fd{::open(fifo().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
        auto save = std::make_unique<Running>(
            std::vector<std::string>{in_build("xsr"), "save", "web", fifo()}, host_.environment(),
            Streams{.in = -1, .out = -1, .terminal = terminal.name()});
        while (host_.state_of(domid_) == "running") {
            (void)::poll(nullptr, 0, 10);
        }
        EXPECT_EQ(host_.state_of(domid_), "suspended");
        return save;
    }
    void expect_alive() const
    {
        const std::uint64_t before = host_.count_of(domid_);
        EXPECT_GE(host_.await_count(domid_, before + 20), before + 20) << host_.log();
        const std::string verdict = host_.verdict_of(domid_);  // it checks itself after a resume
        EXPECT_TRUE(verdict == "not checked yet" || verdict.rfind("intact ", 0) == 0) << verdict;
    }
    [[nodiscard]] Ended shell(const std::string& line) const
    {
        return host_.run({"sh", "-c", line}, {{"XSR", in_build("xsr")}, {"DIR", files_.path()}});
    }

    FakeHost host_;
    std::string domid_;
    TemporaryDirectory files_;
    Fd reader_;
};

TEST_F(OnTerminal, ControlCLetsTheGuestGoOn)
{
    const Terminal terminal;
    const auto save = stalled_save(terminal);
    terminal.type('\x03');
    EXPECT_EQ(save->wait().status, stopped);
    const std::string text = terminal.text();
    EXPECT_NE(text.find("stopped on request; the guest runs again"), std::string::npos) << text;
    expect_alive();
}

TEST_F(OnTerminal, AWindowThatClosesLetsTheGuestGoOn)
{
    Terminal terminal;
    const auto save = stalled_save(terminal);
    terminal.close();
    EXPECT_EQ(save->wait().status, stopped);
    expect_alive();
}

TEST_F(OnTerminal, ControlCLeavesNothingOfANewDomain)
{
    const std::string file = files_.path() + "/web.xl";
    ASSERT_EQ(host_.run({in_build("xsr"), "save", "web", file}).status, 0);
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    const Fd writer{::open(fifo().c_str(), O_RDWR | O_CLOEXEC)};  // its end never comes
    Running feeder{{"sh", "-c", "cat '" + file + "' >'" + fifo() + "'"}};
    const Terminal terminal;
    Running restore{{in_build("xsr"), "restore", "--name", "copy", fifo()},
                    host_.environment(),
                    {.in = -1, .out = -1, .terminal = terminal.name()}};
    EXPECT_EQ(feeder.wait().status, 0);
    while (host_.state_of("2") == "gone") {
        (void)::poll(nullptr, 0, 10);
    }
    terminal.type('\x03');
    EXPECT_EQ(restore.wait().status, stopped);
    EXPECT_NE(terminal.text().find("nothing is left of the new domain"), std::string::npos);
    EXPECT_EQ(host_.state_of("2"), "gone");
}

TEST_F(OnTerminal, AFileSystemThatFillsUpCostsNothing)
{
    const Ended ended =
        shell("unshare -m true 2>/dev/null || exit 77\n"
              "mkdir $DIR/small\n"
              "unshare -m sh -c 'mount -t tmpfs -o size=4m none $DIR/small || exit 77\n"
              "$XSR save --progress none web $DIR/small/web.xl && exit 1\n"
              "$XSR save --progress none --force web $DIR/small/web.xl; status=$?\n"
              "[ -z \"$(ls $DIR/small)\" ] || exit 1\n"
              "exit $status'");
    if (ended.status == 77) {
        GTEST_SKIP() << "may not mount a file system";
    }
    EXPECT_EQ(ended.status, 3) << ended.all();
    EXPECT_NE(ended.errors.find("--force tries all the same"), std::string::npos) << ended.errors;
    EXPECT_NE(ended.errors.find("No space left on device"), std::string::npos) << ended.errors;
    EXPECT_NE(ended.errors.find("the guest runs again"), std::string::npos) << ended.errors;
    expect_alive();
}

/// Each number of descriptors up to that with which it can be done; fewer than 8 are too few for a shell.
TEST_F(OnTerminal, TooFewDescriptorsCostNothing)
{
#ifdef SR_SANITIZED
    // It looks at objects through a pipe, and takes those for broken that it cannot look at.
    GTEST_SKIP() << "the undefined behaviour sanitizer needs descriptors of its own";
#endif
    int status = -1;
    for (int limit = 8; status != 0 && limit < 64; ++limit) {
        SCOPED_TRACE(limit);
        const Ended ended = shell("ulimit -n " + std::to_string(limit) +
                                  "; exec $XSR save -c --progress none web $DIR/web.xl");
        status = ended.status;
        EXPECT_TRUE(status == 0 || !ended.errors.empty());
        EXPECT_LT(status, 128) << ended.all();
        EXPECT_EQ(std::filesystem::exists(files_.path() + "/web.xl"), status == 0) << ended.all();
        EXPECT_FALSE(std::filesystem::exists(files_.path() + "/web.xl.partial")) << ended.all();
        EXPECT_EQ(host_.state_of(domid_), "running") << ended.all();
    }
    EXPECT_EQ(status, 0);
    expect_alive();
}

}  // namespace
}  // namespace sr::test
