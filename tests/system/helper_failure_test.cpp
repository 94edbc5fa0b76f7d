// SPDX-License-Identifier: LGPL-2.1-or-later
// A save helper when things go wrong: libxl gone, SIGTERM, answers that say no, a reader that leaves, calls that fail. At
// the source the guest goes on, at the destination nothing is left, no helper stays, and xl's log says why.
#include "libsr/base/fd.hpp"
#include "tests/support/golden.hpp"
#include "tests/system/helper_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace sr::test {
namespace {

/// A call in a message: the engine's, and one that the helper makes itself, to know what kind of domain it is to save.
const char* name_of(const std::string& call)
{
    return call == "domctl.getdomaininfo" ? "XEN_DOMCTL_getdomaininfo" : engine_name_of(call);
}

class HelperFailure : public HelperFixture {};

TEST_F(HelperFailure, ASaveEndsCleanlyWhenLibxlGoesAtAnyMessage)
{
    const Ended whole = save({});
    ASSERT_EQ(whole.status, saved_or_restored) << whole.all();
    const std::size_t nr_messages = messages_in(whole).size();
    ASSERT_GE(nr_messages, 5U) << whole.all();
    for (std::size_t n = 1; n <= nr_messages; ++n) {
        SCOPED_TRACE(n);
        const Ended ended = save({"--at", "any:" + std::to_string(n) + "=close"});
        EXPECT_EQ(ended.status, cut_off) << ended.all();
        EXPECT_TRUE(has_line(ended, "helper: exit 25")) << ended.all();
        EXPECT_NE(ended.errors.find("libxl is gone"), std::string::npos) << ended.all();
        expect_guest_goes_on();
    }
}

TEST_F(HelperFailure, ARestoreEndsCleanlyWhenLibxlGoesAtAnyMessage)
{
    save_for_restores();
    const Ended whole = restore({});
    ASSERT_EQ(whole.status, saved_or_restored) << whole.all();
    ASSERT_EQ(xsr(host_, {"destroy", "copy"}).status, 0);
    const std::size_t nr_messages = messages_in(whole).size();
    ASSERT_GE(nr_messages, 5U) << whole.all();
    for (std::size_t n = 1; n <= nr_messages; ++n) {
        SCOPED_TRACE(n);
        const Ended ended = restore({"--at", "any:" + std::to_string(n) + "=close"});
        EXPECT_EQ(ended.status, cut_off) << ended.all();
        EXPECT_TRUE(has_line(ended, "helper: exit 25")) << ended.all();
        expect_only_the_guest();
    }
}

/// libxl goes on to listen and to answer; it may come too late, and then the work is done.
TEST_F(HelperFailure, SigtermEndsASaveAtAnyMessage)
{
    const std::size_t nr_messages = messages_in(save({})).size();
    for (std::size_t n = 1; n < nr_messages; ++n) {
        SCOPED_TRACE(n);
        const Ended ended = save({"--at", "any:" + std::to_string(n) + "=TERM"});
        EXPECT_TRUE(has_line(ended, "helper: exit 0")) << ended.all();
        EXPECT_TRUE(has_line(ended, "complete 0 0") ||
                    has_line(ended, failed + std::to_string(ECANCELED)))
            << ended.all();
        expect_guest_goes_on();
    }
}

TEST_F(HelperFailure, SigtermEndsARestoreAtAnyMessage)
{
    save_for_restores();
    const Ended whole = restore({});
    ASSERT_EQ(xsr(host_, {"destroy", "copy"}).status, 0);
    const std::size_t nr_messages = messages_in(whole).size();
    for (std::size_t n = 1; n < nr_messages; ++n) {
        SCOPED_TRACE(n);
        const Ended ended = restore({"--at", "any:" + std::to_string(n) + "=TERM"});
        EXPECT_TRUE(has_line(ended, "helper: exit 0")) << ended.all();
        EXPECT_TRUE(has_line(ended, "restore_results ")) << ended.all();
        if (ended.status == saved_or_restored) {
            ASSERT_EQ(xsr(host_, {"destroy", "copy"}).status, 0);
        } else {
            EXPECT_TRUE(has_line(ended, failed + std::to_string(ECANCELED))) << ended.all();
        }
        expect_only_the_guest();
    }
}

/// It answered SIGTERM, or the end of libxl, although the pipe was full or empty for good.
void expect_ended_at_once(const Ended& ended, const std::string& deed)
{
    EXPECT_EQ(ended.status, deed == "close" ? cut_off : told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, "stream: blocking")) << ended.all();
    EXPECT_FALSE(has_line(ended, "helper: still there")) << ended.all();
}

/// A pipe that nobody reads: the write blocks, and neither the signal nor the end of libxl may wait for it.
class BlockedSave : public HelperFailure, public testing::WithParamInterface<const char*> {};

TEST_P(BlockedSave, EndsAtOnce)
{
    const std::string deed = GetParam();
    const std::string fifo = files_.path() + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const Fd unread{::open(fifo.c_str(), O_RDWR | O_CLOEXEC)};
    const Ended ended =
        start_save(host_, Engine::libsr, fifo, domid_, {"--at", "silent:1=" + deed}).wait();
    expect_ended_at_once(ended, deed);
    expect_guest_goes_on();
}

INSTANTIATE_TEST_SUITE_P(Deeds, BlockedSave, testing::Values("TERM", "close"));

/// A pipe that nobody writes to.
class BlockedRestore : public HelperFailure, public testing::WithParamInterface<const char*> {};

TEST_P(BlockedRestore, EndsAtOnce)
{
    const std::string deed = GetParam();
    const std::string fifo = files_.path() + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const Fd unwritten{::open(fifo.c_str(), O_RDWR | O_CLOEXEC)};
    const Ended ended =
        start_restore(host_, Engine::libsr, fifo, restored_, {"--at", "silent:1=" + deed}).wait();
    expect_ended_at_once(ended, deed);
    expect_only_the_guest();
}

INSTANTIATE_TEST_SUITE_P(Deeds, BlockedRestore, testing::Values("TERM", "close"));

TEST_F(HelperFailure, AReaderThatLeavesIsToldOf)
{
    const std::string fifo = files_.path() + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    Running saving = start_save(host_, Engine::libsr, fifo, domid_);
    {
        const Fd reader{::open(fifo.c_str(), O_RDONLY | O_CLOEXEC)};
        std::array<char, 4096> octets{};
        ASSERT_GT(::read(reader.get(), octets.data(), octets.size()), 0);
    }
    const Ended ended = saving.wait();
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, failed + std::to_string(EPIPE))) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("Broken pipe"), std::string::npos) << ended.all();
    expect_guest_goes_on();
}

TEST_F(HelperFailure, AGuestThatDoesNotSuspendIsLeftAlone)
{
    const Ended ended = save({"--at", "suspend:1=answer:0"});
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("suspend"), std::string::npos) << ended.all();
    EXPECT_EQ(host_.state_of(domid_), "running");
    const std::uint64_t now = host_.count_of(domid_);
    EXPECT_GT(host_.await_count(domid_, now + 5), now);
}

TEST_F(HelperFailure, StaticDataThatLibxlRefusesEndsARestore)
{
    save_for_restores();
    const Ended ended = restore({"--at", "static_data_done:1=answer:1"});
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("static data"), std::string::npos) << ended.all();
    EXPECT_TRUE(has_line(ended, "restore_results 0 0")) << ended.all();
    expect_only_the_guest();
}

TEST_F(HelperFailure, AStreamThatIsCutOffIsToldOf)
{
    save_for_restores();
    ASSERT_EQ(::truncate(file_.c_str(), 100'000), 0);
    const Ended ended = restore({});
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("stream ends at offset"), std::string::npos)
        << ended.all();
    EXPECT_TRUE(has_line(ended, "restore_results 0 0")) << ended.all();
    expect_only_the_guest();
}

TEST_F(HelperFailure, EachCallOfASaveThatFailsIsNamed)
{
    const std::uint64_t before = last_call(host_);
    ASSERT_EQ(save({}).status, saved_or_restored);
    const auto counts = calls_after(before);
    ASSERT_FALSE(counts.empty());
    for (const auto& [call, count] : counts) {
        const std::string errno_name = errnos_of(call).front();
        for (const int nth : {1, count}) {
            SCOPED_TRACE(cue_for(call, nth, errno_name));
            const Ended ended =
                save({"--helper-env", "FAKEXEN_FAIL=" + cue_for(call, nth, errno_name)});
            EXPECT_EQ(ended.status, told_of_failure) << ended.all();
            EXPECT_TRUE(has_line(ended, "helper: exit 0")) << ended.all();
            EXPECT_NE(line_of(ended, level_error).find(name_of(call)), std::string::npos)
                << ended.all();
            expect_guest_goes_on();
        }
    }
}

TEST_F(HelperFailure, EachCallOfARestoreThatFailsIsNamed)
{
    save_for_restores();
    const std::uint64_t before = last_call(host_);
    ASSERT_EQ(restore({}).status, saved_or_restored);
    const auto counts = calls_after(before);
    ASSERT_EQ(xsr(host_, {"destroy", "copy"}).status, 0);
    ASSERT_FALSE(counts.empty());
    for (const auto& [call, count] : counts) {
        const std::string errno_name = errnos_of(call).front();
        for (const int nth : {1, count}) {
            SCOPED_TRACE(cue_for(call, nth, errno_name));
            const Ended ended =
                restore({"--helper-env", "FAKEXEN_FAIL=" + cue_for(call, nth, errno_name)});
            EXPECT_EQ(ended.status, told_of_failure) << ended.all();
            EXPECT_NE(line_of(ended, level_error).find(name_of(call)), std::string::npos)
                << ended.all();
            expect_only_the_guest();
        }
    }
}

TEST_F(HelperFailure, OptionsThatMakeNoSenseAreToldOf)
{
    const Ended ended = save({}, {{"LIBSR_SAVE_HELPER_OPTIONS", "--stale-typos on"}});
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, failed + std::to_string(EINVAL))) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("--stale-typos"), std::string::npos) << ended.all();
    EXPECT_EQ(host_.state_of(domid_), "running");
    const Ended restored =
        restore({}, {{"LIBSR_SAVE_HELPER_OPTIONS", "--config " + files_.path() + "/missing"}});
    EXPECT_EQ(restored.status, told_of_failure) << restored.all();
    EXPECT_NE(line_of(restored, level_error).find("/missing"), std::string::npos) << restored.all();
    expect_only_the_guest();
}

TEST_F(HelperFailure, ColoIsRefused)
{
    const Ended ended = save({"--type", "2"});
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, failed + std::to_string(EOPNOTSUPP))) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("COLO"), std::string::npos) << ended.all();
    EXPECT_EQ(host_.state_of(domid_), "running");
}

/// A helper that says what it was started with, and that all went well.
void write_other_helper(const std::string& path)
{
    std::ofstream{path} << "#!/bin/sh\n"
                           "echo \"other $*\" >&2\n"
                           "printf '\\012\\000\\012\\000\\000\\000\\000\\000\\000\\000\\000\\000'\n"
                           "head -c 4 >/dev/null\n";
}

Environment with_fallback(const std::string& program)
{
    return {{"LIBSR_SAVE_HELPER_OPTIONS", "--config /dev/null --fallback " + program}};
}

TEST_F(HelperFailure, AnotherHelperTakesWhatLibsrDoesNot)
{
    const std::string other = files_.path() + "/other";
    write_other_helper(other);
    const Environment with_other = with_fallback(other);
    const Ended unusable = save({"--type", "2"}, with_other);
    EXPECT_EQ(unusable.status, told_of_failure) << unusable.all();
    EXPECT_TRUE(has_line(unusable, failed + std::to_string(EACCES))) << unusable.all();
    ASSERT_EQ(::chmod(other.c_str(), 0700), 0);
    const Ended ended = save({"--type", "2"}, with_other);
    EXPECT_EQ(ended.status, saved_or_restored) << ended.all();
    EXPECT_NE(ended.errors.find("other --save-domain "), std::string::npos) << ended.all();
    EXPECT_NE(ended.errors.find(" " + domid_ + " 0 136 2\n"), std::string::npos) << ended.all();
    EXPECT_TRUE(has_line(ended, "log 5 ")) << "xl's log says who does it: " << ended.all();
    EXPECT_EQ(save({}, with_other).errors.find("other"), std::string::npos);
}

/// Once the stream has been read from, another helper would begin in the middle of it.
TEST_F(HelperFailure, NoOtherHelperTakesAStreamThatWasBegun)
{
    const Octets stream = golden("hvm_stream.hex");
    std::ofstream{file_, std::ios::binary}.write(
        static_cast<const char*>(static_cast<const void*>(stream.data())),
        static_cast<std::streamsize>(stream.size()));
    const Ended ended =
        restore({}, {{"LIBSR_SAVE_HELPER_OPTIONS", "--config /dev/null --fallback /bin/false"}});
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, "helper: exit 0")) << ended.all();
    EXPECT_NE(line_of(ended, level_error).find("HVM"), std::string::npos) << ended.all();
    expect_only_the_guest();
}

TEST_F(HelperFailure, AFallbackIsMissedOnlyWhereItIsNeeded)
{
    const Environment with_none = with_fallback("/nowhere/helper");
    EXPECT_EQ(save({}, with_none).status, saved_or_restored);
    const Ended needed = save({"--type", "2"}, with_none);
    EXPECT_EQ(needed.status, told_of_failure) << needed.all();
    EXPECT_NE(line_of(needed, level_error).find("/nowhere/helper"), std::string::npos);
}

TEST_F(HelperFailure, AFallbackToItselfIsRefused)
{
    // What libtool leaves under the program's name is a script that starts it.
    const std::string program = in_build(".libs/libsr-save-helper");
    const Ended ended = save(
        {"--type", "2"},
        with_fallback(std::filesystem::exists(program) ? program : in_build("libsr-save-helper")));
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, failed + std::to_string(ELOOP))) << ended.all();
}

/// libxl aborts between libsr's refusal and the other helper's start.
TEST_F(HelperFailure, NoOtherHelperStartsAfterSigterm)
{
    const std::string other = files_.path() + "/other";
    write_other_helper(other);
    ASSERT_EQ(::chmod(other.c_str(), 0700), 0);
    const Ended ended = save({"--type", "2", "--at", "any:1=TERM"}, with_fallback(other));
    EXPECT_EQ(ended.status, told_of_failure) << ended.all();
    EXPECT_TRUE(has_line(ended, failed + std::to_string(ECANCELED))) << ended.all();
    EXPECT_EQ(ended.errors.find("other --save-domain "), std::string::npos) << ended.all();
}

/// It comes when libsr has looked for it for the last time, and is what it would have been for the other.
TEST_F(HelperFailure, SigtermIsNotLostWhileAnotherHelperStarts)
{
    const std::string other = files_.path() + "/other";
    write_other_helper(other);
    ASSERT_EQ(::chmod(other.c_str(), 0700), 0);
    for (int i = 0; i < 10; ++i) {
        const Ended ended = save({"--type", "2", "--at", "any:2=TERM"}, with_fallback(other));
        ASSERT_NE(ended.out.find("; starting " + other), std::string::npos) << ended.all();
        EXPECT_TRUE(has_line(ended, "helper: signal 15")) << ended.all();
    }
}

/// As the stock engine: memory is sent a second time only of a guest that is saved live into a plain stream.
TEST_F(HelperFailure, MemoryIsSentTwiceOnlyLive)
{
    const auto has_second_pass = [&](const std::vector<std::string>& options) {
        EXPECT_EQ(save(options).status, saved_or_restored);
        return xsr(host_, {"show", file_}).out.find("VERIFY") != std::string::npos;
    };
    EXPECT_TRUE(has_second_pass({"--live", "--debug"}));
    EXPECT_FALSE(has_second_pass({"--debug"}));
    EXPECT_FALSE(has_second_pass({"--live"}));
}

/// What xl shows without a -v: that it begins, and warnings.
TEST_F(HelperFailure, ALiveSaveThatGoesWellIsOneLineInXl)
{
    const Ended ended = save({"--live"});
    ASSERT_EQ(ended.status, saved_or_restored) << ended.all();
    std::size_t nr_lines = 0;
    std::istringstream lines{ended.out};
    for (std::string line; std::getline(lines, line);) {
        nr_lines += line.rfind("log 5 ", 0) == 0 || line.rfind("log 7 ", 0) == 0 ? 1U : 0U;
    }
    EXPECT_EQ(nr_lines, 1U) << ended.all();
}

}  // namespace
}  // namespace sr::test
