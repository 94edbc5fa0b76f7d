// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr save: a domain into a file.
#include "libsr/base/fd_io.hpp"
#include "libsr/base/frame.hpp"
#include "libsr/wire/container.hpp"
#include "tools/xsr/output_file.hpp"
#include "tools/xsr/save_job.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

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
    void conclude(SaveJob& job, OutputFile& file);
    [[nodiscard]] std::string consequence(SaveJob& job, DomId domid) const;
    void report(Console& console, const NamedDomain& domain, const SaveJob& job) const;

    std::string domain_;
    std::string file_;
    bool leave_running_ = false;
    bool leave_paused_ = false;
    bool is_forced_ = false;
    bool is_raw_ = false;
    double timeout_s_ = 60;
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
    command.footer(
        "The domain is destroyed once FILE is complete and on disk, unless -c or -p is\n"
        "given. If the save fails, or ^C stops it, the guest runs on and FILE is not\n"
        "touched: it is written as FILE.partial and renamed. A domain that is suspended\n"
        "already is saved as it is.\n\n"
        "  xsr save web web.xl            stop the domain, into a file xl can restore\n"
        "  xsr save -c web snapshot.xl    a snapshot: the domain runs on\n"
        "  xsr save --raw 7 - | zstd >7.zst");
}

AfterSave Save::wish() const noexcept
{
    if (leave_running_) {
        return AfterSave::leave_running;
    }
    return leave_paused_ ? AfterSave::leave_paused : AfterSave::destroy;
}

/// The stream in its envelope.
void Save::write_file(SaveJob& job, const std::string& config, OutputFile& file)
{
    const Host host = open_host();
    FdSink sink{file.fd(), &job.interrupt().token()};
    if (!is_raw_) {
        write_xl_head(sink, config);
    }
    job.run(host.get(), file.fd());
    if (!is_raw_) {
        write_libxl_tail(sink);
    }
}

/// A guest that stays does not wait for the disk; one that goes does so when the file is on it.
void Save::conclude(SaveJob& job, OutputFile& file)
{
    downtime_ = job.suspended_for();
    if (wish() == AfterSave::destroy) {
        file.commit();
        is_file_complete_ = true;
        job.finish(AfterSave::destroy);
        return;
    }
    job.finish(wish());
    file.commit();
}

/// Who holds the guest after a failure, having seen to it that somebody does.
std::string Save::consequence(SaveJob& job, DomId domid) const
{
    return is_file_complete_
               ? format("%s is complete, but domain %u is still there", file_.c_str(), domid)
               : job.undo();
}

void Save::report(Console& console, const NamedDomain& domain, const SaveJob& job) const
{
    const auto ms = [](std::chrono::nanoseconds time) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    };
    const ProgressFacts& facts = job.facts();
    if (console.options().is_json || console.progress_mode() == ProgressMode::json) {
        console.event({{"event", "done"},
                       {"verb", "save"},
                       {"status", "completed"},
                       {"domain", domain.name},
                       {"domid", domain.state.id},
                       {"file", file_},
                       {"total-time", ms(facts.elapsed)},
                       {"downtime", ms(downtime_)},
                       {"ram", {{"transferred", facts.octets}, {"normal", facts.pages_sent}}}});
        return;
    }
    const char* after = leave_running_  ? "it runs on"
                        : leave_paused_ ? "it is paused"
                                        : "it is gone";
    console.note(format("saved %s to %s: %s, %s in %s; %s", domain.name.c_str(),
                        file_ == "-" ? "standard output" : file_.c_str(),
                        format_count(facts.pages_sent, "page").c_str(),
                        format_octets(facts.octets).c_str(), format_duration(facts.elapsed).c_str(),
                        after));
}

ExitCode Save::run(Console& console)
{
    Toolstack toolstack;
    auto domain = toolstack.find(domain_);
    if (domain && domain->name.empty()) {
        domain->name = "domain-" + std::to_string(domain->state.id);
    }
    if (!domain) {
        return console.fail({ExitCode::no_domain, "usage", "there is no domain '" + domain_ + "'",
                             "", Json::object()});
    }
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
