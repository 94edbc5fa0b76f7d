// SPDX-License-Identifier: LGPL-2.1-or-later
// Living, being saved, living on.
#include "tests/system/live_guest.hpp"

#include <algorithm>

namespace sr::test {
namespace {

LiveToolstack& self_of(void* user)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): live_ops() go with nothing else
    return *static_cast<LiveToolstack*>(static_cast<Recorder*>(user));
}

DomainConfig config_of_copy()
{
    constexpr std::uint64_t memory_kib = 8192;
    DomainConfig config;
    config.name = "copy";
    config.uuid = random_uuid();
    config.max_memory_kib = config.target_memory_kib = memory_kib;
    config.max_vcpus = 2;
    config.vcpu_online = {true, true};
    return config;
}

}  // namespace

sr_save_ops LiveToolstack::live_ops()
{
    sr_save_ops ops = save_ops();
    ops.suspend = [](void* user) {
        LiveToolstack& self = self_of(user);
        self.note("suspend");
        if (self.suspend_answer == SR_SUSPEND_DONE) {
            self.suspend_guest();
        }
        return self.suspend_answer;
    };
    ops.precopy_policy = [](const sr_precopy_stats* told, void* user) {
        LiveToolstack& self = self_of(user);
        self.note("precopy_policy");
        self.stats.push_back(*told);
        return self.decide(*told);
    };
    ops.postcopy = [](void* user) {
        self_of(user).note("postcopy");
        return self_of(user).resume_guest();
    };
    ops.checkpoint = [](void* user) {
        self_of(user).note("checkpoint");
        return self_of(user).take_checkpoint();
    };
    return ops;
}

void LiveGuest::start_guest(const std::vector<std::string>& options, const std::string& memory)
{
    std::vector<std::string> all = {"--memory", memory,    "--vcpus", "2",      "--period",
                                    "1",        "--holes", "20",      "--seed", "3"};
    const std::vector<std::string> busy = {"--balloon-rate",  "4", "--table-rate", "4",
                                           "--exchange-rate", "3", "--p2m-moves",  "3"};
    all.insert(all.end(), options.empty() ? busy.begin() : options.begin(),
               options.empty() ? busy.end() : options.end());
    domid_text_ = here_.host.create_guest(all);
    domid_ = static_cast<DomId>(std::stoul(domid_text_));
    here_.host.step(domid_text_, 12);
    toolstack_ = {};
    toolstack_.suspend_guest = [this] { here_.host.suspend(domid_text_); };
    toolstack_.decide = [this](const sr_precopy_stats& stats) {
        live_on();
        return stats.iteration < 3 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
    };
}

int LiveGuest::save(int fd, std::uint32_t flags, sr_job* job, sr_stream_type type)
{
    sr_save_options options = save_options(job);
    options.flags = flags;
    options.stream_type = type;
    options.stale_types = stale_types_;
    const sr_save_ops ops = toolstack_.live_ops();
    error_ = fresh_error();
    return sr_save(here_.engine.get(), domid_, fd, &options, &ops,
                   static_cast<Recorder*>(&toolstack_), &error_);
}

Octets LiveGuest::saved(std::uint32_t flags)
{
    const MemoryFile file;
    EXPECT_EQ(save(file.fd(), flags), 0) << error_.message;
    EXPECT_FALSE(toolstack_.off_thread);
    return file.contents();
}

void LiveGuest::expect_unharmed() const
{
    here_.expect_let_go(domid_text_);
    if (here_.host.state_of(domid_text_) == "running") {
        live_on();
        here_.host.suspend(domid_text_);  // it looks at itself when it is resumed
    }
    resume();
    EXPECT_EQ(here_.host.state_of(domid_text_), "running");
    here_.expect_intact(domid_text_);
}

void LiveGuest::expect_restores(const Octets& stream, std::uint64_t count, sr_stream_type type,
                                const std::function<void(int)>& at_checkpoint)
{
    constexpr std::uint64_t quanta = 3;
    NewDomain copy{*here_.toolstack, config_of_copy()};
    const MemoryFile file{stream};
    sr_restore_options options = restore_options(copy);
    options.stream_type = type;
    Recorder recorder;
    recorder.at_checkpoint = [&] { at_checkpoint(file.fd()); };
    const sr_restore_ops ops = recorder.restore_ops();
    sr_error error = fresh_error();
    ASSERT_EQ(
        sr_restore(here_.engine.get(), copy.id(), file.fd(), &options, &ops, &recorder, &error), 0)
        << error.message;
    copy.introduce(recorder.results.at(0).store_gfn, recorder.results.at(0).console_gfn);
    here_.toolstack->control().unpause(copy.id());
    const std::string domid = std::to_string(copy.id());
    here_.host.await_player(domid);
    (void)here_.host.fakexen({"step", domid, std::to_string(quanta)});
    EXPECT_EQ(here_.host.await_count(domid, count + quanta), count + quanta) << here_.host.log();
    here_.expect_intact(domid);
}

bool LiveGuest::log_has(const std::string& text) const
{
    return std::any_of(toolstack_.log.begin(), toolstack_.log.end(), [&](const std::string& line) {
        return line.find(text) != std::string::npos;
    });
}

}  // namespace sr::test
