// SPDX-License-Identifier: LGPL-2.1-or-later
// A save helper and xsr on one domain: each sees that the other saves it, and lets it be.
#include "libsr/base/fd.hpp"
#include "tests/support/json.hpp"
#include "tests/system/helper_fixture.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>

namespace sr::test {
namespace {

class HelperMark : public HelperFixture {
protected:
    void SetUp() override
    {
        ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
        unread_ = Fd{::open(fifo_.c_str(), O_RDWR | O_CLOEXEC)};
    }

    /// The process that `xsr list` says is saving the guest, once it says so; 0 if that does not come.
    [[nodiscard]] pid_t await_saver() const
    {
        for (int i = 0; i < 300; ++i) {
            for (const auto& domain : parsed_json(xsr(host_, {"list", "--json"}).out)) {
                if (domain.contains("saver-pid")) {
                    EXPECT_EQ(domain.at("state"), "being saved");
                    return domain.at("saver-pid").get<pid_t>();
                }
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
        return 0;
    }

    std::string fifo_ = files_.path() + "/fifo";
    Fd unread_;  ///< of a pipe, so that a save into it gets nowhere
};

TEST_F(HelperMark, XsrLetsBeWhatAHelperSaves)
{
    Running saving = start_save(host_, Engine::libsr, fifo_, domid_);
    const pid_t helper = await_saver();
    ASSERT_NE(helper, 0);
    const std::vector<std::vector<std::string>> crossing = {
        {"save", domid_, file_}, {"resume", domid_}, {"destroy", domid_}};
    for (const auto& command : crossing) {
        const Ended refused = xsr(host_, command);
        EXPECT_EQ(refused.status, 7) << refused.all();
        EXPECT_NE(refused.errors.find("is being saved by process " + std::to_string(helper)),
                  std::string::npos)
            << refused.all();
    }
    (void)::kill(helper, SIGKILL);
    const Ended ended = saving.wait();
    EXPECT_TRUE(has_line(ended, "helper: signal 9")) << ended.all();
    // Nobody believes what a process that is gone has left there.
    EXPECT_TRUE(has_line(ended, "mark: left behind")) << ended.all();
    EXPECT_EQ(save({}).status, saved_or_restored);
    expect_guest_goes_on();
}

TEST_F(HelperMark, AHelperLetsBeWhatXsrSaves)
{
    Running saving{{in_build("xsr"), "save", "--progress", "none", domid_, fifo_},
                   host_.environment()};
    ASSERT_EQ(await_saver(), saving.pid());
    const Ended refused = start_save(host_, Engine::libsr, file_, domid_).wait();
    EXPECT_EQ(refused.status, told_of_failure) << refused.all();
    EXPECT_NE(line_of(refused, level_error)
                  .find("is being saved by process " + std::to_string(saving.pid())),
              std::string::npos)
        << refused.all();
    saving.signal(SIGTERM);
    const Ended ended = saving.wait();
    EXPECT_EQ(ended.status, 130) << ended.all();
    expect_guest_goes_on();
}

TEST_F(HelperMark, NeedsNoXenstore)
{
    const std::string libraries = files_.path() + "/lib";
    std::filesystem::create_directory(libraries);
    for (const auto& library : std::filesystem::directory_iterator{in_build("tests/fakexen/lib")}) {
        const std::string name = library.path().filename();
        if (name.find(".so.") != std::string::npos && name.rfind("libxenstore", 0) != 0) {
            std::filesystem::create_symlink(std::filesystem::absolute(library.path()),
                                            libraries + "/" + name);
        }
    }
    const Ended ended = save({"--helper-env", "LD_LIBRARY_PATH=" + libraries});
    EXPECT_EQ(ended.status, saved_or_restored) << ended.all();
    EXPECT_NE(line_of(ended, "log 7 ").find("cannot reach xenstored"), std::string::npos)
        << ended.all();
    expect_guest_goes_on();
}

}  // namespace
}  // namespace sr::test
