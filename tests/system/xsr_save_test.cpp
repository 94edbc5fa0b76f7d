// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr save and restore on fake hosts, run as a user runs them: what becomes of the guest and of the
// file, in success and in every kind of failure.
#include "tests/support/fakehost.hpp"
#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>

namespace sr::test {
namespace {

using nlohmann::json;

const std::vector<std::string> small_guest = {"--memory", "16M", "--name", "web", "--period", "1"};

class XsrSave : public testing::Test {
protected:
    [[nodiscard]] static Ended xsr(const FakeHost& host, std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return host.run(arguments);
    }
    /// A script, with $XSR, $FAKEXEN, $FILE (web.xl) and $DIR.
    [[nodiscard]] Ended shell(const FakeHost& host, const std::string& line) const
    {
        return host.run({"sh", "-c", line}, {{"XSR", in_build("xsr")},
                                             {"FAKEXEN", in_build("tests/fakexen/fakexen")},
                                             {"FILE", file()},
                                             {"DIR", files_.path()}});
    }
    [[nodiscard]] std::string file(const std::string& name = "web.xl") const
    {
        return files_.path() + "/" + name;
    }
    [[nodiscard]] bool exists(const std::string& name) const
    {
        return std::filesystem::exists(file(name));
    }
    /// An environment in which an xsr stops (SIGSTOP) in its n-th such call.
    [[nodiscard]] static Environment stopping(const FakeHost& host, const std::string& cue)
    {
        Environment all = host.environment();
        all["FAKEXEN_FAIL"] = cue + ":SIGSTOP";
        return all;
    }
    static void await_stopped(const Running& process)
    {
        for (std::string state; state != "T";) {
            std::ifstream stat{"/proc/" + std::to_string(process.pid()) + "/stat"};
            std::string word;
            ASSERT_TRUE(stat >> word >> word >> state && state != "Z") << "it has ended";
            (void)::poll(nullptr, 0, 10);
        }
    }
    /// The guest runs, and finds all of its memory as it should be.
    static void expect_alive(const FakeHost& host, const std::string& domid)
    {
        const std::uint64_t before = host.count_of(domid);
        EXPECT_GE(host.await_count(domid, before + 20), before + 20) << host.log();
        EXPECT_EQ(host.verdict_of(domid).substr(0, 6), "intact") << host.verdict_of(domid);
    }
    /// The save failed with this status and these words, left no file, and the guest lives.
    void expect_failed_save(const FakeHost& host, const Ended& ended, int status,
                            const std::string& words) const
    {
        EXPECT_EQ(ended.status, status) << ended.all();
        EXPECT_NE(ended.errors.find(words), std::string::npos) << ended.errors;
        EXPECT_FALSE(exists("web.xl"));
        EXPECT_FALSE(exists("web.xl.partial"));
        expect_alive(host, "1");
    }
    /// A restore failed, and the host is as it was before.
    static void expect_failed_restore(const FakeHost& host, const Ended& ended, int status,
                                      const std::string& words)
    {
        EXPECT_EQ(ended.status, status) << ended.all();
        EXPECT_NE(ended.errors.find(words), std::string::npos) << ended.errors;
        EXPECT_EQ(host.state_of("1"), "gone");
    }

    [[nodiscard]] static std::vector<json> events_of(const Ended& ended)
    {
        std::vector<json> events;
        std::istringstream lines{ended.errors};
        for (std::string line; std::getline(lines, line);) {
            events.push_back(parsed_json(line));
        }
        return events;
    }

    TemporaryDirectory files_;
};

/// A host with a guest that has lived a little.
struct LivingHost {
    explicit LivingHost(const std::vector<std::string>& options = small_guest)
        : domid{host.create_guest(options)}
    {
        (void)host.await_count(domid, 30);
    }
    FakeHost host;
    std::string domid;
};

TEST_F(XsrSave, DestroysTheDomainOnceItIsSaved)
{
    const LivingHost living;
    const Ended ended = xsr(living.host, {"save", "web", file()});
    EXPECT_EQ(ended.status, 0) << ended.all();
    EXPECT_EQ(living.host.state_of(living.domid), "gone");
    EXPECT_TRUE(exists("web.xl"));
    EXPECT_FALSE(exists("web.xl.partial"));
    EXPECT_EQ(std::filesystem::status(file()).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(XsrSave, LeavesItRunningAsOftenAsAsked)
{
    const LivingHost living;
    for (int round = 0; round < 3; ++round) {
        const Ended ended = xsr(living.host, {"save", "-c", "--force", "web", file()});
        EXPECT_EQ(ended.status, 0) << ended.all();
        expect_alive(living.host, living.domid);
    }
}

TEST_F(XsrSave, LeavesItPaused)
{
    const LivingHost living;
    EXPECT_EQ(xsr(living.host, {"save", "-p", "web", file()}).status, 0);
    EXPECT_EQ(living.host.state_of(living.domid), "paused");
    const Ended again = xsr(living.host, {"save", "-f", "web", file()});
    EXPECT_EQ(again.status, 7);
    EXPECT_NE(again.errors.find("unpause it first"), std::string::npos) << again.errors;
}

TEST_F(XsrSave, TakesADomainThatIsSuspendedAlready)
{
    const LivingHost living;
    living.host.suspend(living.domid);
    EXPECT_EQ(xsr(living.host, {"save", "web", "/dev/full"}).status, 3);
    EXPECT_EQ(living.host.state_of(living.domid), "suspended");  // as it was found
    EXPECT_EQ(xsr(living.host, {"save", living.domid, file()}).status, 0);
    EXPECT_EQ(living.host.state_of(living.domid), "gone");
}

TEST_F(XsrSave, RestoresElsewhereUnderTheSameName)
{
    const LivingHost living;
    const std::uint64_t before = living.host.count_of(living.domid);
    ASSERT_EQ(xsr(living.host, {"save", "web", file()}).status, 0);
    const FakeHost other{{"--memory", "256M", "--seed", "9"}};
    const Ended restored = xsr(other, {"restore", file()});
    ASSERT_EQ(restored.status, 0) << restored.all();
    EXPECT_EQ(restored.out, "1\n");
    EXPECT_GT(other.await_count("1", before + 20), before);
    expect_alive(other, "1");
    const Ended taken = xsr(other, {"restore", file()});
    EXPECT_EQ(taken.status, 8);
    const json second =
        parsed_json(xsr(other, {"restore", "-p", "--name", "two", "--json", file()}).out);
    EXPECT_EQ(second["state"], "paused");
    EXPECT_EQ(other.state_of("2"), "paused");
}

TEST_F(XsrSave, TellsWhatToDoAboutANameThatASuspendedDomainHas)
{
    const LivingHost living;
    ASSERT_EQ(xsr(living.host, {"save", "-c", "web", file()}).status, 0);
    living.host.suspend(living.domid);
    const Ended ended = xsr(living.host, {"restore", file()});
    EXPECT_EQ(ended.status, 8);
    EXPECT_NE(
        ended.errors.find("which is suspended, perhaps since a save was cut off (xsr resume 1, "
                          "or xsr destroy 1)"),
        std::string::npos)
        << ended.errors;
}

TEST_F(XsrSave, GoesThroughAPipeWithoutAFile)
{
    const LivingHost living;
    const Ended copied = shell(living.host, "$XSR save -p web - | $XSR restore --name copy -");
    ASSERT_EQ(copied.status, 0) << copied.all();
    expect_alive(living.host, copied.out.substr(0, copied.out.find('\n')));
    const Ended raw = shell(living.host, "$XSR save --raw copy - | "
                                         "$XSR restore --name raw --memory 20M -");
    ASSERT_EQ(raw.status, 0) << raw.all();
    expect_alive(living.host, raw.out.substr(0, raw.out.find('\n')));
}

TEST_F(XsrSave, NeedsOptionsForABareStream)
{
    const LivingHost living;
    ASSERT_EQ(xsr(living.host, {"save", "--raw", "web", file()}).status, 0);
    const Ended ended = xsr(living.host, {"restore", file()});
    EXPECT_EQ(ended.status, 2);
    EXPECT_NE(ended.errors.find("give --name and --memory"), std::string::npos) << ended.errors;
}

TEST_F(XsrSave, AsksForTheVcpusOfABareStream)
{
    const LivingHost living{{"--memory", "16M", "--name", "web", "--period", "1", "--vcpus", "2"}};
    ASSERT_EQ(xsr(living.host, {"save", "--raw", "web", file()}).status, 0);
    const Ended ended = xsr(living.host, {"restore", "--name", "two", "--memory", "20M", file()});
    EXPECT_EQ(ended.status, 4);
    EXPECT_NE(ended.errors.find("the domain has 1 (give --vcpus)"), std::string::npos)
        << ended.errors;
    EXPECT_EQ(
        xsr(living.host, {"restore", "--name", "two", "--memory", "20M", "--vcpus", "2", file()})
            .status,
        0);
}

TEST_F(XsrSave, DoesNotReplaceAFileUnasked)
{
    const LivingHost living;
    std::ofstream{file()} << "precious";
    const Ended ended = xsr(living.host, {"save", "web", file()});
    EXPECT_EQ(ended.status, 2);
    EXPECT_NE(ended.errors.find("--force"), std::string::npos) << ended.errors;
    EXPECT_EQ(std::filesystem::file_size(file()), 8U);
    EXPECT_EQ(living.host.state_of(living.domid), "running");
}

TEST_F(XsrSave, KeepsOffAFileThatAnotherSaveIsWriting)
{
    const LivingHost living;
    const std::string other =
        living.host.create_guest({"--memory", "16M", "--name", "other", "--period", "1"});
    Running first{{in_build("xsr"), "save", "web", file()},
                  stopping(living.host, "domctl.getpageframeinfo3:1")};
    await_stopped(first);
    for (const char* option : {"--timeout=60", "--force"}) {
        const Ended second = xsr(living.host, {"save", option, "other", file()});
        EXPECT_EQ(second.status, 2) << second.all();
        EXPECT_NE(second.errors.find("is writing it right now"), std::string::npos)
            << second.errors;
    }
    first.signal(SIGCONT);
    EXPECT_EQ(first.wait().status, 0);
    EXPECT_EQ(xsr(living.host, {"verify", file()}).status, 0);
    EXPECT_EQ(living.host.state_of(other), "running");
}

TEST_F(XsrSave, ReplacesAPartialFileThatNobodyWritesWhenAsked)
{
    const LivingHost living;
    std::ofstream{file("web.xl.partial")} << std::string(1U << 25U, 'x');
    const Ended ended = xsr(living.host, {"save", "web", file()});
    EXPECT_EQ(ended.status, 2) << ended.all();
    EXPECT_NE(ended.errors.find("a save that was cut off left it"), std::string::npos)
        << ended.errors;
    EXPECT_EQ(xsr(living.host, {"save", "--force", "web", file()}).status, 0);
    EXPECT_EQ(xsr(living.host, {"verify", file()}).status, 0);
    EXPECT_FALSE(exists("web.xl.partial"));
}

TEST_F(XsrSave, NamesADomainThatIsNotThere)
{
    const FakeHost host;
    const Ended ended = xsr(host, {"save", "nobody", file()});
    EXPECT_EQ(ended.status, 8);
    EXPECT_EQ(ended.errors, "xsr save: there is no domain 'nobody'\n");
    EXPECT_EQ(xsr(host, {"save", "0", file()}).status, 7);
}

TEST_F(XsrSave, TakesDigitsForANumberFirst)
{
    const FakeHost host;
    ASSERT_EQ(host.create_guest({"--memory", "16M", "--name", "web"}), "1");
    ASSERT_EQ(host.create_guest({"--memory", "16M", "--name", "1"}), "2");
    const Ended both = xsr(host, {"destroy", "1"});
    EXPECT_EQ(both.status, 2);
    EXPECT_NE(
        both.errors.find("the number of domain 1 (web) and the name of domain 2: say web or 2"),
        std::string::npos)
        << both.errors;
    EXPECT_EQ(host.state_of("1"), "running");
    EXPECT_EQ(host.state_of("2"), "running");
    ASSERT_EQ(xsr(host, {"save", "web", file()}).status, 0);
    EXPECT_EQ(xsr(host, {"restore", "--name", "7", file()}).status, 2);
    EXPECT_EQ(xsr(host, {"destroy", "2"}).status, 0);
    EXPECT_EQ(host.state_of("2"), "gone");
}

TEST_F(XsrSave, LetsADomainWithoutANameGoOn)
{
    const LivingHost living{{"--memory", "16M", "--name", "", "--period", "1"}};
    ASSERT_EQ(xsr(living.host, {"save", "-p", "1", file()}).status, 0);
    EXPECT_EQ(parsed_json(xsr(living.host, {"list", "--json"}).out).back()["state"], "paused");
    const Ended resumed = xsr(living.host, {"resume", "1"});
    EXPECT_EQ(resumed.status, 0) << resumed.all();
    EXPECT_EQ(resumed.out, "domain 1 runs\n");
    expect_alive(living.host, "1");
    EXPECT_EQ(xsr(living.host, {"save", "-f", "1", file()}).status, 0);
}

TEST_F(XsrSave, WithdrawsARequestThatNobodyHears)
{
    const FakeHost host{{"--memory", "256M", "--step"}};  // the guest does not run by itself
    (void)host.create_guest(small_guest);
    host.step("1", 5);
    const Ended ended = xsr(host, {"save", "--timeout", "0.3", "web", file()});
    EXPECT_EQ(ended.status, 7);
    EXPECT_NE(ended.errors.find("did not acknowledge"), std::string::npos) << ended.errors;
    EXPECT_FALSE(exists("web.xl.partial"));
    host.step("1", 5);
    EXPECT_EQ(host.state_of("1"), "running");  // it found no request
}

TEST_F(XsrSave, SurvivesADiskThatFills)
{
    const LivingHost living;
    expect_failed_save(living.host, shell(living.host, "ulimit -f 4000; exec $XSR save web $FILE"),
                       3, "the guest runs again");
    EXPECT_EQ(xsr(living.host, {"save", "web", "/dev/full"}).status, 3);
    expect_alive(living.host, living.domid);
}

TEST_F(XsrSave, SurvivesAReaderThatLeaves)
{
    const LivingHost living;
    const Ended ended = shell(
        living.host, "{ $XSR save web -; echo $? >$DIR/status; } | head -c 100000 >/dev/null");
    std::string status;
    std::ifstream{file("status")} >> status;
    EXPECT_EQ(status, "3") << ended.all();
    expect_failed_save(living.host, {3, "", ended.errors}, 3, "the guest runs again");
}

TEST_F(XsrSave, StopsOnASignalAndLetsTheGuestGoOn)
{
    const LivingHost living;
    // Nobody reads the pipe: the save blocks in its middle for as long as it takes.
    const Ended ended =
        shell(living.host, "mkfifo $DIR/pipe; sleep 100 <$DIR/pipe & reader=$!\n"
                           "$XSR save web $DIR/pipe & save=$!\n"
                           "until $FAKEXEN list | grep -q suspended; do sleep 0.1; done\n"
                           "kill -TERM $save; wait $save; status=$?; kill $reader; exit $status");
    expect_failed_save(living.host, ended, 130, "stopped on request; the guest runs again");
}

TEST_F(XsrSave, SaysThatTheGuestIsPausedWhenItIs)
{
    const LivingHost living;
    Running save{{in_build("xsr"), "save", "--leave-paused", "web", file()},
                 stopping(living.host, "domctl.pausedomain:1")};
    await_stopped(save);
    std::filesystem::create_directory(file());  // the complete file cannot have its name
    save.signal(SIGCONT);
    const Ended ended = save.wait();
    EXPECT_EQ(ended.status, 3) << ended.all();
    EXPECT_NE(ended.errors.find("domain 1 is paused (xsr resume 1)"), std::string::npos)
        << ended.errors;
    EXPECT_EQ(living.host.state_of(living.domid), "paused");
}

TEST_F(XsrSave, RefusesWhatWouldCrossASaveThatGoesOn)
{
    const LivingHost living;
    Running first{{in_build("xsr"), "save", "web", file()},
                  stopping(living.host, "domctl.getpageframeinfo3:1")};
    await_stopped(first);
    const std::string pid = std::to_string(first.pid());
    const Ended list = xsr(living.host, {"list"});
    EXPECT_NE(list.out.find("being saved (pid " + pid + ")"), std::string::npos) << list.all();
    const std::vector<std::vector<std::string>> crossing = {
        {"save", "web", file("second.xl")}, {"resume", "web"}, {"destroy", "web"}};
    for (const auto& command : crossing) {
        const Ended refused = xsr(living.host, command);
        EXPECT_EQ(refused.status, 7) << refused.all();
        EXPECT_NE(refused.errors.find("is being saved by process " + pid), std::string::npos)
            << refused.errors;
    }
    first.signal(SIGKILL);
    (void)first.wait();
    // Nobody believes the mark of a process that has gone.
    EXPECT_NE(xsr(living.host, {"list"}).out.find("suspended"), std::string::npos);
    EXPECT_EQ(xsr(living.host, {"resume", "web"}).status, 0);
    expect_alive(living.host, living.domid);
    EXPECT_EQ(xsr(living.host, {"save", "--force", "web", file()}).status, 0);
}

TEST_F(XsrSave, RestoresNothingWhenItIsStopped)
{
    const LivingHost living;
    ASSERT_EQ(xsr(living.host, {"save", "web", file()}).status, 0);
    const FakeHost other;
    const Ended ended =
        shell(other, "mkfifo $DIR/pipe\n"
                     "{ head -c 8000000 $FILE; exec sleep 100; } >$DIR/pipe & feeder=$!\n"
                     "$XSR restore - <$DIR/pipe & restore=$!\n"
                     "until $FAKEXEN list | grep -q '^ *1 '; do sleep 0.1; done\n"
                     "kill -TERM $restore; wait $restore; status=$?; kill $feeder; exit $status");
    expect_failed_restore(other, ended, 130,
                          "stopped on request; nothing is left of the new domain");
}

TEST_F(XsrSave, RestoresNothingWhoseSaveDidNotFinish)
{
    const LivingHost living;
    ASSERT_EQ(xsr(living.host, {"save", "web", file()}).status, 0);
    const std::uint64_t whole = std::filesystem::file_size(file());
    const FakeHost other;
    std::filesystem::resize_file(file(), whole - 8);  // all but libxl's END
    expect_failed_restore(other, xsr(other, {"restore", file()}), 3,
                          "web.xl ends before the libxl END record: its save did not finish, and "
                          "the guest may run at its source; nothing is left of the new domain");
    std::filesystem::resize_file(file(), whole / 2);
    expect_failed_restore(other, xsr(other, {"restore", file()}), 3,
                          "nothing is left of the new domain");
}

TEST_F(XsrSave, StopsBehindTheGuestWhenTheSenderStalls)
{
    const LivingHost living;
    ASSERT_EQ(xsr(living.host, {"save", "web", file()}).status, 0);
    const FakeHost other;
    // All of the guest has arrived once the feeder has become a sleep, and the pipe is empty.
    const Ended ended =
        shell(other, "mkfifo $DIR/pipe\n"
                     "{ head -c -8 $FILE; exec sleep 100; } >$DIR/pipe & feeder=$!\n"
                     "$XSR restore - <$DIR/pipe & restore=$!\n"
                     "until grep -q sleep /proc/$feeder/comm; do sleep 0.1; done; sleep 2\n"
                     "kill -TERM $restore\n"
                     "for i in $(seq 100); do kill -0 $restore 2>/dev/null || break; sleep 0.1; "
                     "done\n"
                     "kill $feeder; wait $restore");
    expect_failed_restore(other, ended, 130,
                          "stopped on request; nothing is left of the new domain");
}

TEST_F(XsrSave, StopsWhileItWritesTheFileToDisk)
{
    const LivingHost living;
    Environment stopped = living.host.environment();
    stopped["FAKEXEN_FAIL"] = "domctl.resumedomain:1:SIGTERM";  // the last call before that
    const Ended ended = run_command({in_build("xsr"), "save", "-c", "web", file()}, stopped);
    expect_failed_save(living.host, ended, 130, "stopped on request; the guest runs on");
}

TEST_F(XsrSave, ReportsARestoreWhoseNumberNobodyTakes)
{
    const LivingHost living;
    ASSERT_EQ(xsr(living.host, {"save", "web", file()}).status, 0);
    const Ended ended = shell(living.host, "$XSR restore $FILE >/dev/full");
    EXPECT_EQ(ended.status, 0) << ended.all();
    EXPECT_NE(ended.errors.find("domain 2 runs; its number could not be written"),
              std::string::npos)
        << ended.errors;
    expect_alive(living.host, "2");
}

TEST_F(XsrSave, TellsHowLongALiveSaveSuspendedTheGuest)
{
    const LivingHost living;
    const Ended ended =
        xsr(living.host, {"save", "-c", "--live", "--progress", "none", "web", file()});
    EXPECT_EQ(ended.status, 0) << ended.all();
    EXPECT_NE(ended.errors.find("; it was suspended for "), std::string::npos) << ended.errors;
}

TEST_F(XsrSave, ReportsProgressAndFailuresAsJsonLines)
{
    const LivingHost living;
    const Ended failed = xsr(living.host, {"save", "--progress", "json", "web", "/dev/full"});
    EXPECT_EQ(events_of(failed).back()["event"], "error") << failed.all();
    const std::vector<json> events =
        events_of(xsr(living.host, {"save", "--progress", "json", "web", file()}));
    for (const char* kind : {"suspended", "progress", "syncing"}) {
        EXPECT_TRUE(std::any_of(events.begin(), events.end(), [&](const json& each) {
            return each["event"] == kind;
        })) << kind;
    }
    const json& last = events.back();
    EXPECT_EQ(last["event"], "done");
    EXPECT_EQ(last["status"], "completed");
    EXPECT_GE(last["ram"]["transferred"], 15 << 20);
    EXPECT_GT(last["downtime"], 0);
}

TEST_F(XsrSave, SaysWhatIsMissingWithoutAHost)
{
    // Neither a fake host nor, in a test, a real one.
    const Ended ended =
        run_command({in_build("xsr"), "save", "web", file()}, {{"FAKEXEN_HOST", "/nowhere"}});
    EXPECT_EQ(ended.status, 6) << ended.all();
    EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
}

}  // namespace
}  // namespace sr::test
