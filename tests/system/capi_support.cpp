// SPDX-License-Identifier: LGPL-2.1-or-later
// The shared host, and main(): the fake libraries have to be there before this process begins.
#include "tests/system/capi_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sr::test {
namespace {

std::unique_ptr<World> the_world;  // NOLINT: GoogleTest gives tests no other way to share

/// Ends the host while GoogleTest still counts failures: a leak is one.
class WorldsEnd : public testing::Environment {
public:
    void TearDown() override { the_world.reset(); }
};

template <typename Ops>
void set_common(Ops& ops)
{
    ops.size = sizeof(ops);
    ops.log = [](sr_log_level, const char* message, void* user) {
        auto& self = *static_cast<Recorder*>(user);
        self.off_thread |= std::this_thread::get_id() != self.thread;
        self.log.emplace_back(message);
    };
    ops.progress = [](const sr_progress* told, void* user) {
        auto& self = *static_cast<Recorder*>(user);
        self.off_thread |= std::this_thread::get_id() != self.thread;
        self.progress.push_back(*told);
        if (self.at_progress) {
            self.at_progress(*told);
        }
    };
}

}  // namespace

OurHost::OurHost()
{
    ::setenv("FAKEXEN_HOST", host.path().c_str(), 1);
}

World::World()
{
    sr_host* opened = nullptr;
    sr_error error = fresh_error();
    if (sr_host_open(nullptr, &opened, &error) != 0) {
        ADD_FAILURE() << error.message;
    }
    engine.reset(opened);
}

World& world()
{
    if (!the_world) {
        the_world = std::make_unique<World>();
    }
    return *the_world;
}

DomId suspended_guest()
{
    static const DomId domid = [] {
        const FakeHost& host = world().host;
        const std::string made =
            host.create_guest({"--name", "still", "--memory", "4M", "--vcpus", "2", "--p2m", "tree",
                               "--period", "1", "--holes", "300", "--no-balloon"});
        (void)host.await_count(made, 10);
        host.suspend(made);
        return static_cast<DomId>(std::stoul(made));
    }();
    return domid;
}

void Recorder::note(const char* name)
{
    off_thread |= std::this_thread::get_id() != thread;
    calls.emplace_back(name);
}

sr_save_ops Recorder::save_ops()
{
    sr_save_ops ops{};
    set_common(ops);
    ops.suspend = [](void* user) {
        auto& self = *static_cast<Recorder*>(user);
        self.note("suspend");
        return self.suspend_answer;
    };
    return ops;
}

sr_restore_ops Recorder::restore_ops()
{
    sr_restore_ops ops{};
    set_common(ops);
    ops.static_data_done = [](std::uint32_t absent, void* user) {
        auto& self = *static_cast<Recorder*>(user);
        self.note("static_data_done");
        self.missing = absent;
        return self.static_data_answer;
    };
    ops.checkpoint = [](void* user) {
        auto& self = *static_cast<Recorder*>(user);
        self.note("checkpoint");
        if (self.at_checkpoint) {
            self.at_checkpoint();
        }
        const auto nth = static_cast<std::size_t>(
            std::count(self.calls.begin(), self.calls.end(), "checkpoint"));
        return nth <= self.checkpoint_answers.size() ? self.checkpoint_answers[nth - 1]
                                                     : SR_RESTORE_CHECKPOINT_SUCCESS;
    };
    ops.restore_results = [](const sr_restore_results* told, void* user) {
        auto& self = *static_cast<Recorder*>(user);
        self.note("restore_results");
        self.results.push_back(*told);
    };
    return ops;
}

sr_error fresh_error()
{
    sr_error error;
    std::memset(&error, 0xaa, sizeof(error));  // what is not filled in would show
    error.size = sizeof(error);
    return error;
}

sr_save_options save_options(sr_job* job)
{
    sr_save_options options{};
    options.size = sizeof(options);
    options.job = job;
    options.back_channel_fd = -1;
    return options;
}

sr_restore_options restore_options(const NewDomain& domain, sr_job* job)
{
    sr_restore_options options{};
    options.size = sizeof(options);
    options.job = job;
    options.back_channel_fd = -1;
    options.store_evtchn = domain.store_port();
    options.console_evtchn = domain.console_port();
    return options;
}

MemoryFile::MemoryFile(const Octets& contents) : fd_{::memfd_create("stream", MFD_CLOEXEC)}
{
    std::size_t done = 0;
    while (done < contents.size()) {
        const ssize_t wrote = ::write(fd_.get(), contents.data() + done, contents.size() - done);
        if (wrote <= 0) {
            throw std::runtime_error{"memfd"};
        }
        done += static_cast<std::size_t>(wrote);
    }
    (void)::lseek(fd_.get(), 0, SEEK_SET);
}

Octets MemoryFile::contents() const
{
    Octets octets(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)));
    if (::pread(fd_.get(), octets.data(), octets.size(), 0) !=
        static_cast<ssize_t>(octets.size())) {
        throw std::runtime_error{"memfd"};
    }
    return octets;
}

Pipe::Pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error{"pipe2"};
    }
    reader = Fd{ends[0]};
    writer = Fd{ends[1]};
}

const Octets& whole_stream()
{
    static const Octets stream = [] {
        const MemoryFile file;
        sr_error error = fresh_error();
        if (sr_save(world().engine.get(), suspended_guest(), file.fd(), nullptr, nullptr, nullptr,
                    &error) != 0) {
            throw std::runtime_error{error.message};
        }
        return file.contents();
    }();
    return stream;
}

std::unique_ptr<NewDomain> new_domain(std::uint64_t memory_mib)
{
    static unsigned number = 0;
    DomainConfig config;
    config.name = "new-" + std::to_string(++number);
    config.uuid = random_uuid();
    config.max_memory_kib = config.target_memory_kib = memory_mib * 1024;
    config.max_vcpus = 2;
    config.vcpu_online = {true, true};
    return std::make_unique<NewDomain>(world().toolstack, config);
}

std::size_t nr_domains()
{
    return world().toolstack.list().size() - 1;
}

}  // namespace sr::test

int main(int argc, char** argv)
{
    const std::string fakes = sr::test::in_build("tests/fakexen/lib");
    const char* const set = std::getenv("LD_LIBRARY_PATH");
    const std::string before = set != nullptr ? set : "";
    if (before.find(fakes) == std::string::npos) {
        ::setenv("LD_LIBRARY_PATH", (fakes + ":" + before).c_str(), 1);
        (void)::execv("/proc/self/exe", argv);
        return 127;
    }
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new sr::test::WorldsEnd);  // GoogleTest's own from here
    return RUN_ALL_TESTS();
}
