// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr save: a domain into a file.
#include "libsr/base/fd_io.hpp"
#include "libsr/base/frame.hpp"
#include "libsr/wire/container.hpp"
#include "tools/toolstack/saver_mark.hpp"
#include "tools/xsr/choice_option.hpp"
#include "tools/xsr/output_file.hpp"
#include "tools/xsr/save_job.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <map>

namespace sr {
namespace {

constexpr std::uint64_t room_beside_memory = 4U << 20U;  // headers, vCPUs, the heads of records

class Save final : public Verb {
public:
    void define(CLI::App& command) override;
    [[nodiscard]] ExitCode run(Console& console) override;

private:
    void write_file(SaveJob& job, const std::string& config, OutputFile& file);
    [[nodiscard]] AfterSave wish() const noexcept;
    static void commit(SaveJob& job, OutputFile& file);
    void conclude(SaveJob& job, OutputFile& file);
    [[nodiscard]] std::string consequence(SaveJob& job, DomId domid) const;
    void report(Console& console, const NamedDomain& domain, const SaveJob& job) const;

    std::string domain_;
    std::string file_;
    bool leave_running_ = false;
    bool leave_paused_ = false;
    bool is_forced_ = false;
    bool is_raw_ = false;
    bool is_live_ = false;
    bool with_grants_ = false;
    double timeout_s_ = 60;
    SaveSettings settings_;
    bool is_file_complete_ = false;
    std::chrono::nanoseconds downtime_{0};
};

void Save::define(CLI::App& command)
{
    command.add_option("DOMAIN", domain_, "Name or number of the domain")->required();
    command.add_option("FILE", file_, "Where to save it; - is standard output")->required();
    auto* running =
        command.add_flag("-c,--checkpoint", leave_running_, "Let the domain run on after the save");
    command.add_flag("-p,--leave-paused", leave_paused_, "Leave the domain paused after the save")
        ->excludes(running);
    command
        .add_option(
            "--timeout", timeout_s_,
            "Seconds the guest has to acknowledge the request to suspend, and again to do so")
        ->type_name("S")
        ->check(CLI::Range(0.001, 86400.0).description(""))
        ->capture_default_str();
    command.add_flag("-f,--force", is_forced_,
                     "Replace FILE if it exists; save even where room seems short");
    command.add_flag("--raw", is_raw_,
                     "Write the bare libxc stream, without xl's header and configuration");
    command.add_flag(
        "--live", is_live_,
        "Save memory while the domain runs, and suspend it for what it changed meanwhile:\n"
        "a shorter pause, a larger FILE");
    command.add_flag(
        "--grants", with_grants_,
        "Record the grant table too: a restore refuses a guest that needs more than its\n"
        "host has, and \"xsr grants\" shows what was shared");
    add_choice<sr_stale_types>(
        command, "--stale-types", settings_.stale_types,
        {{"auto", SR_STALE_TYPES_AUTO}, {"on", SR_STALE_TYPES_ON}, {"off", SR_STALE_TYPES_OFF}},
        "Find page tables that Xen reports though they are none: auto (on Xen before\n"
        "4.16), on, off")
        ->type_name("MODE");
    command.footer(
        "The domain is destroyed once FILE is complete and on disk, unless -c or -p is\n"
        "given. If the save fails, or ^C stops it, the guest runs on and FILE is not\n"
        "touched: it is written as FILE.partial and renamed. A domain that is suspended\n"
        "already is saved as it is. Of -, a pipe or a device nobody knows whether it is on\n"
        "disk: without -p the domain is destroyed once all was handed over.\n\n"
        "  xsr save web web.xl            stop the domain, into a file xl can restore\n"
        "  xsr save -c web snapshot.xl    a snapshot: the domain runs on\n"
        "  xsr save -c --live web web.xl  the same, with the shortest pause\n"
        "  set -o pipefail                a pipe: keep the domain, verify, destroy it\n"
        "  xsr save -p web - | zstd >web.zst && zstdcat web.zst | xsr verify - &&\n"
        "      xsr destroy web");
}

AfterSave Save::wish() const noexcept
{
    if (leave_running_) {
        return AfterSave::leave_running;
    }
    return leave_paused_ ? AfterSave::leave_paused : AfterSave::destroy;
}

/// What the configuration that goes into the file says of it; 0 if nothing.
std::uint32_t max_grant_version_in(const std::string& config)
{
    try {
        return parse_domain_config(config).max_grant_version.value_or(0);
    } catch (const Error&) {
        return 0;  // libxl's, of a kind that we cannot read: it goes into the file as it is
    }
}

/// The stream in its envelope.
void Save::write_file(SaveJob& job, const std::string& config, OutputFile& file)
{
    const Host host = open_host();
    FdSink sink{file.fd(), &job.interrupt().token()};
    if (!is_raw_) {
        write_xl_head(sink, config);
    }
    settings_.flags = (is_live_ ? SR_SAVE_LIVE : 0U) | (with_grants_ ? SR_SAVE_GRANTS : 0U);
    settings_.max_grant_version = max_grant_version_in(config);
    job.run(host.get(), file.fd(), settings_);
    if (!is_raw_) {
        write_libxl_tail(sink);
    }
}

/// Up to the new name ^C is heeded: a disk may take its time.
void Save::commit(SaveJob& job, OutputFile& file)
{
    job.announce_sync();
    file.sync(job.interrupt().token());
    file.publish();
}

/// A guest that stays does not wait for the disk; one that goes does so when the file is on it.
void Save::conclude(SaveJob& job, OutputFile& file)
{
    downtime_ = job.suspended_for();
    if (wish() == AfterSave::destroy) {
        commit(job, file);
        is_file_complete_ = true;
        job.finish(AfterSave::destroy);
        return;
    }
    job.finish(wish());
    commit(job, file);
}

/// Who holds the guest after a failure, having seen to it that somebody does.
std::string Save::consequence(SaveJob& job, DomId domid) const
{
    const std::string complete =
        file_ == "-" ? "standard output was given all of it" : file_ + " is complete";
    if (job.was_resumed_meanwhile()) {
        return complete + format(", but domain %u was resumed meanwhile and runs on", domid);
    }
    return is_file_complete_ ? complete + format(", but domain %u is still there", domid)
                             : job.undo();
}

void Save::report(Console& console, const NamedDomain& domain, const SaveJob& job) const
{
    const auto ms = [](std::chrono::nanoseconds time) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    };
    const ProgressFacts& facts = job.facts();
    const bool looked = facts.stale_types_time.count() != 0;
    if (console.options().is_json || console.progress_mode() == ProgressMode::json) {
        Json done = {{"event", "done"},
                     {"verb", "save"},
                     {"status", "completed"},
                     {"domain", domain.name},
                     {"domid", domain.state.id},
                     {"file", file_},
                     {"total-time", ms(facts.elapsed)},
                     {"downtime", ms(downtime_)},
                     {"ram", {{"transferred", facts.octets}, {"normal", facts.pages_sent}}}};
        if (looked) {
            done["stale-types"] = {{"tables", facts.stale_tables},
                                   {"time-us", facts.stale_types_time.count() / 1000}};
        }
        console.event(done);
        return;
    }
    const char* after = leave_running_  ? "it runs on"
                        : leave_paused_ ? "it is paused"
                                        : "it is gone";
    if (looked) {
        console.note(format("%s of %s reported by Xen, and sent as the memory they are; finding "
                            "them took %s while the guest stood still",
                            format_count(facts.stale_tables, "stale page table").c_str(),
                            domain.name.c_str(), format_duration(facts.stale_types_time).c_str()));
    }
    const std::string pause =
        is_live_ ? "it was suspended for " + format_duration(downtime_) + ", and " : "";
    console.note(format("saved %s to %s: %s, %s in %s; %s%s", domain.name.c_str(),
                        file_ == "-" ? "standard output" : file_.c_str(),
                        format_count(facts.pages_sent, "page").c_str(),
                        format_octets(facts.octets).c_str(), format_duration(facts.elapsed).c_str(),
                        pause.c_str(), after));
}

ExitCode Save::run(Console& console)
{
    Toolstack toolstack;
    auto domain = toolstack.find(domain_);
    if (domain && domain->name.empty()) {
        domain->name = "domain-" + std::to_string(domain->state.id);
    }
    if (!domain) {
        return console.fail(no_such_domain(domain_));
    }
    check_can_be_saved(*domain);
    const SaverMark mark{toolstack.store(), domain->state.id};
    // A save that has ended just now may have resumed the domain, or destroyed it.
    const auto state = toolstack.control().state_of(domain->state.id);
    if (!state || state->uuid != domain->state.uuid) {
        return console.fail(no_such_domain(domain_));
    }
    domain->state = *state;
    check_can_be_saved(*domain);
    const auto limit = std::chrono::milliseconds{static_cast<std::int64_t>(timeout_s_ * 1000)};
    SaveJob job{console, toolstack, *domain, {limit, limit, -1}};
    OutputFile file{file_, is_forced_};
    if (!is_forced_) {
        file.check_room(domain->state.nr_pages * page_size + room_beside_memory);
    }
    try {
        write_file(job, toolstack.config_text_of(*domain), file);
        conclude(job, file);
    } catch (const std::exception&) {
        Failure failure = current_failure();
        failure.consequence = consequence(job, domain->state.id);
        return console.fail(failure);
    }
    report(console, *domain, job);
    return ExitCode::ok;
}

}  // namespace

std::unique_ptr<Verb> make_save()
{
    return std::make_unique<Save>();
}

}  // namespace sr
