// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr restore: a domain from a saved file.
#include "libsr/base/fd_io.hpp"
#include "libsr/wire/container.hpp"
#include "tools/xsr/input_file.hpp"
#include "tools/xsr/restore_job.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace sr {
namespace {

bool is_bare(const InputFile& file)
{
    const auto head = file.peek();
    return std::all_of(head.begin(), head.end(),
                       [](std::byte each) { return each == std::byte{0xff}; });
}

/// The file, read up to its libxc stream.
class SavedFile {
public:
    /// Borrows both.
    SavedFile(const InputFile& file, bool is_bare_stream, const CancelToken& cancel)
        : file_{file}, source_{file.fd(), &cancel}
    {
        if (!is_bare_stream) {  // else it is left untouched: sr_restore reads it from its first octet
            container_.emplace(source_);
        }
    }

    [[nodiscard]] const InputFile& file() const noexcept { return file_; }
    /// libxl's JSON; empty if there is none.
    [[nodiscard]] std::string config() const
    {
        const bool has_json = container_ && container_->xl() && container_->xl()->config_is_json;
        return has_json ? container_->xl()->config : std::string{};
    }
    void read_tail();

private:
    const InputFile& file_;
    FdSource source_;
    std::optional<Container> container_;
};

/// What follows the libxc stream. A save writes libxl's END only after all that may fail in it, and a save that failed lets
/// the guest go on: without this END two copies might run.
/// @throws Error if it is not what libxl writes there
void SavedFile::read_tail()
{
    if (!container_) {
        return;
    }
    try {
        container_->read_tail();
    } catch (const Error& error) {
        if (error.code() == Errc::io && error.errnum() == 0) {
            throw Error{Errc::io,
                        "%s ends before the libxl END record: its save did not finish, and the "
                        "guest may run at its source",
                        file_.name().c_str()};
        }
        throw error.code() == Errc::cancelled ? error : in_file(error, file_.name());
    }
}

class Restore final : public Verb {
public:
    void define(CLI::App& command) override;
    [[nodiscard]] ExitCode run(Console& console) override;

private:
    [[nodiscard]] DomainConfig configure(const SavedFile& file) const;
    void set_vcpus(DomainConfig& config) const;
    void restore_into(Toolstack& toolstack, RestoreJob& job, NewDomain& domain,
                      SavedFile& file) const;
    [[nodiscard]] ExitCode restore(Console& console, const Interrupt& interrupt, SavedFile& file,
                                   const DomainConfig& config) const;
    void tell_if_lost(Console& console, const NewDomain& domain) const;
    void report(Console& console, const NewDomain& domain, const RestoreJob& job) const;

    std::string file_;
    std::string name_;
    std::string memory_;
    unsigned nr_vcpus_ = 0;
    bool leave_paused_ = false;
};

void Restore::define(CLI::App& command)
{
    command
        .add_option(
            "FILE", file_,
            "The saved file: of xsr, xl or libxl, or a bare libxc stream; - is standard input")
        ->required();
    command.add_flag("-p,--paused", leave_paused_, "Leave the domain paused");
    command.add_option("--name", name_, "Name of the domain, in place of the file's")
        ->type_name("NAME");
    command
        .add_option("--memory", memory_,
                    "The most it may own, in place of the file's: 512 (MiB), 524288K, 512M, 2G")
        ->type_name("SIZE");
    command.add_option("--vcpus", nr_vcpus_, "Its number of vCPUs, in place of the file's")
        ->type_name("N")
        ->check(CLI::Range(1, 8192).description(""));
    command.footer(
        "Makes a domain as the file's configuration says, without devices, and prints its\n"
        "number. A bare libxc or libxl stream holds no configuration: it needs --name and\n"
        "--memory, and --vcpus if the guest has more than one.\n"
        "If the restore fails, or ^C stops it, nothing is left behind.\n\n"
        "  xsr restore web.xl                   the domain runs on where it was saved\n"
        "  xsr restore -p --name web2 web.xl    a second one, to look at before it runs\n"
        "  zstd -dc 7.zst | xsr restore --name seven --memory 512 -");
}

void Restore::set_vcpus(DomainConfig& config) const
{
    if (nr_vcpus_ != 0) {
        config.max_vcpus = nr_vcpus_;
        config.vcpu_online.assign(nr_vcpus_, true);
    }
}

DomainConfig Restore::configure(const SavedFile& file) const
{
    DomainConfig config;
    const std::string json_text = file.config();
    if (!json_text.empty()) {
        config = parse_domain_config(json_text);
    } else {
        if (name_.empty() || memory_.empty()) {
            throw Error{Errc::usage,
                        "%s holds no configuration: give --name and --memory, and --vcpus if "
                        "the guest has more than one",
                        file.file().name().c_str()};
        }
        config.uuid = random_uuid();
        config.vcpu_online = {true};
    }
    if (!name_.empty()) {
        if (std::all_of(name_.begin(), name_.end(), [](char c) { return c >= '0' && c <= '9'; })) {
            throw Error{Errc::usage, "the name '%s' would be taken for a domain's number",
                        name_.c_str()};
        }
        config.name = name_;
    }
    if (!memory_.empty()) {
        config.max_memory_kib = parse_memory_kib(memory_);
        config.target_memory_kib = config.max_memory_kib;
    }
    set_vcpus(config);
    return config;
}

void Restore::restore_into(Toolstack& toolstack, RestoreJob& job, NewDomain& domain,
                           SavedFile& file) const
{
    const Host host = open_host();
    job.run(host.get(), domain, file.file().fd());
    file.read_tail();
    job.introduce(domain);
    if (!leave_paused_) {
        toolstack.control().unpause(domain.id());
    }
    domain.keep();
}

/// The restore succeeded, whether or not somebody takes its result.
void Restore::tell_if_lost(Console& console, const NewDomain& domain) const
{
    if (!console.try_flush()) {
        console.warn(format("domain %u %s; its number could not be written", domain.id(),
                            leave_paused_ ? "is paused" : "runs"));
    }
}

void Restore::report(Console& console, const NewDomain& domain, const RestoreJob& job) const
{
    const ProgressFacts& facts = job.facts();
    if (console.options().is_json) {
        const auto ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(facts.elapsed).count();
        console.result({{"domid", domain.id()},
                        {"name", domain.config().name},
                        {"uuid", to_string(domain.config().uuid)},
                        {"state", leave_paused_ ? "paused" : "running"},
                        {"status", "completed"},
                        {"total-time", ms},
                        {"ram", {{"transferred", facts.octets}, {"normal", facts.pages_sent}}}});
        tell_if_lost(console, domain);
        return;
    }
    console.erase_drawn();
    console.print(std::to_string(domain.id()) + "\n");
    tell_if_lost(console, domain);
    console.note(format(
        "restored %s as domain %u: %s, %s in %s; it %s", domain.config().name.c_str(), domain.id(),
        format_count(facts.pages_sent, "page").c_str(), format_octets(facts.octets).c_str(),
        format_duration(facts.elapsed).c_str(), leave_paused_ ? "is paused" : "runs"));
}

/// After a failure, when the domain has been taken down: what is left of it.
std::string leftover(const Toolstack& toolstack, std::optional<DomId> domid)
{
    if (!domid) {
        return "no domain was made";
    }
    try {
        const auto state = toolstack.control().state_of(*domid);
        return !state || state->is_dying
                   ? "nothing is left of the new domain"
                   : format("domain %u, incomplete, could not be destroyed", *domid);
    } catch (const Error&) {
        return format("domain %u, incomplete, may be left", *domid);
    }
}

std::string name_is_taken(const NamedDomain& domain)
{
    const DomId domid = domain.state.id;
    const std::string taken =
        format("the name '%s' is taken by domain %u", domain.name.c_str(), domid);
    if (domain.is_incomplete) {
        return taken +
               format(", which a restore makes or left incomplete (then: xsr destroy %u)", domid);
    }
    if (domain.state.is_suspended()) {
        return taken + format(", which is suspended, perhaps since a save was cut off (xsr resume "
                              "%u, or xsr destroy %u): choose another with --name",
                              domid, domid);
    }
    return taken + ": choose another with --name";
}

ExitCode Restore::restore(Console& console, const Interrupt& interrupt, SavedFile& file,
                          const DomainConfig& config) const
{
    Toolstack toolstack;
    if (const auto other = toolstack.find_by_name(config.name)) {
        return console.fail(
            {ExitCode::no_domain, "usage", name_is_taken(*other), "", Json::object()});
    }
    std::optional<DomId> domid;
    try {
        RestoreJob job{console, interrupt, config.name, file.file().size().value_or(0)};
        NewDomain domain{toolstack, config};
        domid = domain.id();
        restore_into(toolstack, job, domain, file);
        report(console, domain, job);
        return ExitCode::ok;
    } catch (const std::exception&) {
        Failure failure = current_failure();
        if (nr_vcpus_ == 0 && file.config().empty() &&
            failure.message.find(", the domain has ") != std::string::npos) {
            failure.message += " (give --vcpus)";
        }
        failure.consequence = leftover(toolstack, domid);
        return console.fail(failure);
    }
}

ExitCode Restore::run(Console& console)
{
    const InputFile input{file_};
    const bool is_bare_stream = is_bare(input);
    const Interrupt interrupt;
    SavedFile file{input, is_bare_stream, interrupt.token()};
    return restore(console, interrupt, file, configure(file));
}

}  // namespace

std::unique_ptr<Verb> make_restore()
{
    return std::make_unique<Restore>();
}

}  // namespace sr
