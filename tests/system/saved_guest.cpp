// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving, living on, restoring.
#include "tests/system/saved_guest.hpp"

#include "tests/support/json.hpp"

#include <algorithm>
#include <utility>

namespace sr::test {
namespace {

DomainConfig config_of_copy(std::uint64_t memory_kib)
{
    DomainConfig config;
    config.name = "copy";
    config.uuid = random_uuid();
    config.max_memory_kib = config.target_memory_kib = memory_kib;
    config.max_vcpus = 2;
    config.vcpu_online = {true, true};
    return config;
}

}  // namespace

void SavedGuest::SetUp()
{
    const std::string name = here_.suspended_guest("web");
    const auto domid = static_cast<DomId>(std::stoul(name));
    while (true) {
        const MemoryFile file;
        error_ = fresh_error();
        ASSERT_EQ(sr_save(here_.engine.get(), domid, file.fd(), nullptr, nullptr, nullptr, &error_),
                  0)
            << error_.message;
        saves_.push_back(file.contents());
        counts_.push_back(here_.host.count_of(name));
        if (saves_.size() == nr_saves) {
            break;
        }
        here_.toolstack->resume(domid);
        here_.host.step(name, 5);
        here_.host.suspend(name);
    }
    free_frames_ = here_.free_frames();
}

int SavedGuest::restore(const Octets& stream, sr_stream_type type,
                        std::vector<sr_restore_checkpoint_result> answers)
{
    const MemoryFile file{stream};
    recorder_.checkpoint_answers = std::move(answers);
    return restore(file.fd(), type);
}

int SavedGuest::restore(int fd, sr_stream_type type, sr_job* job)
{
    domain_.reset();
    domain_ = std::make_unique<NewDomain>(*here_.toolstack, config_of_copy(memory_kib_));
    const auto answers = std::move(recorder_.checkpoint_answers);
    const auto at_checkpoint = std::move(recorder_.at_checkpoint);
    recorder_ = {};
    recorder_.checkpoint_answers = answers;
    recorder_.at_checkpoint = at_checkpoint;
    sr_restore_options options = restore_options(*domain_, job);
    options.stream_type = type;
    const sr_restore_ops ops = recorder_.restore_ops();
    error_ = fresh_error();
    if (const auto first = std::exchange(at_new_domain_, nullptr)) {
        first();
    }
    const int result =
        sr_restore(here_.engine.get(), domain_->id(), fd, &options, &ops, &recorder_, &error_);
    EXPECT_FALSE(recorder_.off_thread);
    recorder_.checkpoint_answers.clear();
    recorder_.at_checkpoint = nullptr;
    return result;
}

void SavedGuest::expect_lives_on_from(std::size_t save)
{
    constexpr std::uint64_t quanta = 3;
    const std::string domid = std::to_string(domain_->id());
    ASSERT_EQ(recorder_.results.size(), 1U);
    domain_->introduce(recorder_.results[0].store_gfn, recorder_.results[0].console_gfn);
    here_.toolstack->control().unpause(domain_->id());
    here_.host.await_player(domid);
    (void)here_.host.fakexen({"step", domid, std::to_string(quanta)});
    const std::uint64_t expected = counts_.at(save) + quanta;
    EXPECT_EQ(here_.host.await_count(domid, expected), expected) << here_.host.log();
    here_.expect_intact(domid);
    domain_.reset();
}

void SavedGuest::expect_nothing_left()
{
    domain_.reset();
    EXPECT_EQ(here_.free_frames(), free_frames_);
    EXPECT_EQ(here_.toolstack->list().size(), 2U);  // dom0 and the source
}

std::size_t SavedGuest::calls_of_checkpoint() const
{
    return static_cast<std::size_t>(
        std::count(recorder_.calls.begin(), recorder_.calls.end(), "checkpoint"));
}

bool SavedGuest::log_has(const std::string& text) const
{
    return std::any_of(recorder_.log.begin(), recorder_.log.end(), [&](const std::string& line) {
        return line.find(text) != std::string::npos;
    });
}

std::uint64_t SavedGuest::nr_pages() const
{
    const auto shown =
        parsed_json(here_.host.fakexen({"show", "--json", std::to_string(domain_->id())}));
    return shown.at("pages");
}

}  // namespace sr::test
