// SPDX-License-Identifier: LGPL-2.1-or-later
// Every hypercall and every mapping of sr_save() and sr_restore() fails, each time that it is made and with each errno
// that it can have: the error names call, errno and frame, nothing is left mapped or open, the guest at the source is
// what it was and lives on, and of the new domain nothing stays.
#include "tests/system/call_log.hpp"
#include "tests/system/capi_support.hpp"
#include "tests/system/stepped_host.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace sr::test {
namespace {

/// How often this process made each call since `after`.
std::map<std::string, int> own_calls(const FakeHost& host, std::uint64_t after)
{
    return count_calls(host, after,
                       [](const LoggedCall& call) { return call.process == ::getpid(); });
}

/// What this process holds: mappings of any host's memory, and open descriptors.
struct Held {
    std::size_t mappings = 0;
    std::size_t descriptors = 0;
    friend bool operator==(const Held&, const Held&) = default;
};

std::ostream& operator<<(std::ostream& out, const Held& held)
{
    return out << held.mappings << " mappings, " << held.descriptors << " descriptors";
}

Held held_now()
{
    Held held;
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        held.mappings += line.find("memfd:fakexen") != std::string::npos ? 1U : 0U;
    }
    for (const auto& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        (void)each;
        ++held.descriptors;
    }
    return held;
}

/// Whether each failure of this call has a pfn to name.
bool has_pfn(const std::string& call)
{
    return call == "memory_op.populate_physmap" || call == "mmuext_op" ||
           call == "domctl.getpageframeinfo3";
}

void expect_named(const sr_error& error, const std::string& call, const std::string& errno_name)
{
    const int number = errno_number(errno_name);
    EXPECT_EQ(error.error_class, SR_ERROR_HYPERVISOR) << error.message;
    EXPECT_EQ(error.errnum, number) << error.message;
    const std::string message = error.message;
    EXPECT_NE(message.find(std::strerror(number)), std::string::npos) << message;
    ASSERT_NE(engine_name_of(call), nullptr) << "the engine makes a call that is not in the table";
    EXPECT_STREQ(error.call, engine_name_of(call)) << message;
    EXPECT_NE(message.find(engine_name_of(call)), std::string::npos) << message;
    EXPECT_TRUE(call != "map" || message.find(" frame 0x") != std::string::npos ||
                error.pfn != SR_NONE)
        << message;
    EXPECT_TRUE(!has_pfn(call) || error.pfn != SR_NONE) << message;
    EXPECT_TRUE(error.pfn == SR_NONE || message.find("pfn 0x") != std::string::npos ||
                (error.pfn == 0 && message.find("pfn 0") != std::string::npos))
        << message;
}

/// That status frames are refused so is a trace of a guest that switches versions: its table is looked at again.
bool is_survived(const std::string& call, int nth, const std::string& errno_name)
{
    return call == "map_resource" && nth == 2 && errno_name == "EINVAL";
}

class SrFault : public testing::Test {
protected:
    /// @param guest  options of `fakexen-guest`
    /// @param flags  SR_SAVE_…
    explicit SrFault(std::vector<std::string> guest = {}, std::uint32_t flags = 0)
        : guest_options_{std::move(guest)}, flags_{flags}
    {
    }
    void SetUp() override
    {
        domid_text_ = here_.suspended_guest("web", guest_options_);
        domid_ = static_cast<DomId>(std::stoul(domid_text_));
    }
    void fail(const std::string& cue) const
    {
        (void)here_.host.fakexen({"fail", std::to_string(::getpid()), cue});
    }

    [[nodiscard]] int save(const MemoryFile& file, sr_error& error) const
    {
        error = fresh_error();
        sr_save_options options = save_options();
        options.flags = flags_;
        return sr_save(here_.engine.get(), domid_, file.fd(), &options, nullptr, nullptr, &error);
    }
    [[nodiscard]] Octets saved() const
    {
        const MemoryFile file;
        sr_error error{};
        EXPECT_EQ(save(file, error), 0) << error.message;
        return file.contents();
    }
    [[nodiscard]] std::map<std::string, int> calls_of_a_save() const
    {
        const std::uint64_t before = last_call(here_.host);
        (void)saved();
        return own_calls(here_.host, before);
    }
    void expect_failed_save(const std::string& call, const std::string& cue,
                            const std::string& errno_name) const
    {
        const Held before = held_now();
        const MemoryFile file;
        sr_error error{};
        fail(cue);
        EXPECT_EQ(save(file, error), -1) << "nobody noticed";
        EXPECT_EQ(errno, errno_number(errno_name));
        expect_named(error, call, errno_name);
        EXPECT_TRUE(error.guest == SR_GUEST_AT_SOURCE || error.guest == SR_GUEST_UNTOUCHED);
        EXPECT_EQ(held_now().mappings, before.mappings);
        fail("");
        ASSERT_TRUE(here_.toolstack->control().state_of(domid_)->is_suspended());
    }
    /// Each of these calls, as often as it is made and with each of its errnos but what a save survives.
    void expect_failed_saves(const std::map<std::string, int>& calls) const
    {
        const Octets stream = saved();
        const Held before = held_now();
        for (const auto& [call, count] : calls) {
            for (int nth = 1; nth <= count; ++nth) {
                for (const std::string& errno_name : errnos_of(call)) {
                    const std::string cue = cue_for(call, nth, errno_name);
                    SCOPED_TRACE(cue);
                    if (is_survived(call, nth, errno_name)) {
                        fail(cue);
                        EXPECT_EQ(saved(), stream);
                        continue;
                    }
                    expect_failed_save(call, cue, errno_name);
                }
            }
            EXPECT_EQ(saved(), stream) << "after failures of " << call;
        }
        EXPECT_EQ(held_now(), before);
    }

    SteppedHost here_;
    std::string domid_text_;
    DomId domid_ = 0;

private:
    std::vector<std::string> guest_options_;
    std::uint32_t flags_;
};

TEST_F(SrFault, ASaveThatFailsAnywhereChangesNothing)
{
    expect_failed_saves(calls_of_a_save());
}

TEST_F(SrFault, AGuestLivesOnAfterASaveThatFailedAnywhere)
{
    for (const auto& [call, most] : calls_of_a_save()) {
        for (int nth = 1; nth <= most; ++nth) {
            const std::string cue = cue_for(call, nth, errnos_of(call).back());
            SCOPED_TRACE(cue);
            expect_failed_save(call, cue, errnos_of(call).back());
            here_.expect_alive(domid_text_);
        }
    }
}

class SrRestoreFault : public SrFault {
protected:
    using SrFault::SrFault;
    [[nodiscard]] std::unique_ptr<NewDomain> new_domain()
    {
        constexpr std::uint64_t memory_kib = 8192;
        DomainConfig config;
        config.name = "copy";
        config.uuid = random_uuid();
        config.max_memory_kib = config.target_memory_kib = memory_kib;
        config.max_vcpus = 2;
        config.vcpu_online = {true, true};
        return std::make_unique<NewDomain>(*here_.toolstack, config);
    }
    [[nodiscard]] int restore(const NewDomain& domain, const MemoryFile& file, Recorder& recorder,
                              sr_error& error) const
    {
        (void)::lseek(file.fd(), 0, SEEK_SET);
        error = fresh_error();
        const sr_restore_options options = restore_options(domain);
        const sr_restore_ops ops = recorder.restore_ops();
        return sr_restore(here_.engine.get(), domain.id(), file.fd(), &options, &ops, &recorder,
                          &error);
    }
    [[nodiscard]] std::map<std::string, int> calls_of_a_restore(const MemoryFile& file)
    {
        const auto domain = new_domain();
        const std::uint64_t before = last_call(here_.host);
        Recorder recorder;
        sr_error error{};
        EXPECT_EQ(restore(*domain, file, recorder, error), 0) << error.message;
        return own_calls(here_.host, before);
    }
    void expect_failed_restore(const MemoryFile& file, const std::string& call,
                               const std::string& cue, const std::string& errno_name)
    {
        const Held before = held_now();
        const auto domain = new_domain();
        fail(cue);
        Recorder recorder;
        sr_error error{};
        EXPECT_EQ(restore(*domain, file, recorder, error), -1) << "nobody noticed";
        EXPECT_EQ(errno, errno_number(errno_name));
        fail("");
        expect_named(error, call, errno_name);
        EXPECT_TRUE(error.guest == SR_GUEST_IN_STREAM || error.guest == SR_GUEST_UNTOUCHED);
        EXPECT_EQ(recorder.results.size(), 0U) << "it is not complete";
        EXPECT_EQ(held_now(), before);
        EXPECT_TRUE(here_.toolstack->control().state_of(domain->id())->is_paused);
    }
    /// Each of these calls, as often as it is made and with each of its errnos.
    void expect_failed_restores(const MemoryFile& file, const std::map<std::string, int>& calls)
    {
        const std::uint64_t frames = here_.free_frames();
        for (const auto& [call, count] : calls) {
            for (int nth = 1; nth <= count; ++nth) {
                for (const std::string& errno_name : errnos_of(call)) {
                    const std::string cue = cue_for(call, nth, errno_name);
                    SCOPED_TRACE(cue);
                    expect_failed_restore(file, call, cue, errno_name);
                }
                expect_nothing_left(frames);
            }
        }
    }
    /// Neither domain nor frame nor an entry in xenstore is left of the new one.
    void expect_nothing_left(std::uint64_t free_frames)
    {
        EXPECT_EQ(here_.toolstack->list().size(), 2U);
        EXPECT_EQ(here_.free_frames(), free_frames);
        EXPECT_EQ(here_.store_entries(), store_entries_);
    }
    void SetUp() override
    {
        SrFault::SetUp();
        store_entries_ = here_.store_entries();
    }

private:
    std::vector<std::string> store_entries_;
};

TEST_F(SrRestoreFault, ARestoreThatFailsAnywhereLeavesNothing)
{
    const MemoryFile file{saved()};
    expect_failed_restores(file, calls_of_a_restore(file));
    const auto domain = new_domain();
    Recorder recorder;
    sr_error error{};
    ASSERT_EQ(restore(*domain, file, recorder, error), 0) << error.message;
    domain->introduce(recorder.results.at(0).store_gfn, recorder.results.at(0).console_gfn);
    here_.toolstack->control().unpause(domain->id());
    here_.expect_intact(std::to_string(domain->id()));
}

/// The calls that recording and checking a grant table adds: those that are made anyhow fail above.
std::map<std::string, int> of_grants(std::map<std::string, int> calls)
{
    std::erase_if(calls, [](const auto& entry) {
        return entry.first.rfind("grant_table_op.", 0) != 0 && entry.first != "map_resource" &&
               entry.first != "sysctl.physinfo";
    });
    return calls;
}

class SrGrantsFault : public SrRestoreFault {
protected:
    SrGrantsFault()
        : SrRestoreFault{{"--grants", "v2", "--grant-peer", "0", "--grant-pages", "20"},
                         SR_SAVE_GRANTS}
    {
    }
};

TEST_F(SrGrantsFault, ASaveThatCannotReadTheGrantTableFails)
{
    const auto calls = of_grants(calls_of_a_save());
    EXPECT_GE(calls.at("grant_table_op.get_version"), 3) << "as is told, before and after a look";
    EXPECT_GE(calls.at("grant_table_op.query_size"), 2);
    EXPECT_EQ(calls.at("map_resource"), 2) << "entries and status";
    expect_failed_saves(calls);
    here_.expect_alive(domid_text_);
}

TEST_F(SrGrantsFault, ARestoreThatCannotTellWhatThereIsLeavesNothing)
{
    const MemoryFile file{saved()};
    const auto calls = of_grants(calls_of_a_restore(file));
    EXPECT_EQ(calls.count("sysctl.physinfo"), 1U);
    EXPECT_EQ(calls.count("grant_table_op.query_size"), 1U);
    expect_failed_restores(file, calls);
}

}  // namespace
}  // namespace sr::test
