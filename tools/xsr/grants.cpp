// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr grants: the grant table of a domain of this host, or of one in a saved file.
#include "libsr/base/fd_io.hpp"
#include "libsr/wire/container.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "tools/toolstack/toolstack.hpp"
#include "tools/xsr/engine_log.hpp"
#include "tools/xsr/grant_view.hpp"
#include "tools/xsr/input_file.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <span>

namespace sr {
namespace {

/// What a stream says of its guest's grants.
struct StreamGrants {
    std::optional<GrantTableInfo> info;
    std::optional<GrantTableEntries> entries;
};

void take_record(StreamReader& reader, StreamGrants& grants)
{
    const auto type = record_type_from_wire(reader.head().type);
    if (type == RecordType::grant_table_info) {
        const auto body = reader.read_body();
        reader.at_place([&] { grants.info = decode_grant_table_info(body); });
    } else if (type == RecordType::grant_table_entries) {
        const auto body = reader.read_body();
        reader.at_place(
            [&] { grants.entries = decode_grant_table_entries(body, Pfn{limits::pfn_max}); });
    } else {
        reader.skip_body();
    }
}

StreamGrants read_grants(const InputFile& file)
{
    FdSource source{file.fd()};
    Container container{source};
    StreamReader reader{container.libxc()};
    StreamGrants grants;
    std::uint32_t type = 0;
    do {
        type = reader.next().type;
        take_record(reader, grants);
        if (type == to_wire(RecordType::checkpoint)) {
            container.read_checkpoint();
        }
    } while (type != to_wire(RecordType::end));
    return grants;
}

struct FreeTable {
    void operator()(sr_grant_table* table) const noexcept { sr_grant_table_free(table); }
};
using LiveTable = std::unique_ptr<sr_grant_table, FreeTable>;

LiveTable read_live(DomId domid)
{
    const Host host = open_host();
    sr_error error = empty_error();
    sr_grant_table* table = nullptr;
    constexpr std::uint32_t flags = SR_GRANTS_STATUS | SR_GRANTS_PFNS;
    if (sr_grant_table_read(host.get(), domid, flags, &table, &error) != 0) {
        throw EngineFailure{error};
    }
    return LiveTable{table};
}

/// The frame of an entry that has one.
ShownFrame frame_of(const sr_grant_entry& from, bool is_hvm) noexcept
{
    ShownFrame frame;
    if (from.pfn != SR_NONE) {
        frame.pfn = Pfn{from.pfn};
    }
    if (!is_hvm) {
        frame.mfn = Mfn{from.frame};
    }
    return frame;
}

ShownGrant shown_live(const sr_grant_entry& from, GrantVersion version, bool is_hvm) noexcept
{
    ShownGrant grant{.version = version,
                     .ref = from.ref,
                     .flags = from.flags,
                     .domid = from.domid,
                     .status = from.status,
                     .frame = std::nullopt,
                     .sub_page = std::nullopt,
                     .source = std::nullopt};
    if (from.frame != SR_NONE) {
        grant.frame = frame_of(from, is_hvm);
    }
    const bool is_v2 = version == GrantVersion::v2;
    if (is_v2 && from.kind == SR_GRANT_ACCESS && (from.flags & grant_flag::sub_page) != 0) {
        grant.sub_page = {from.page_offset, from.length};
    }
    if (is_v2 && from.kind == SR_GRANT_TRANSITIVE) {
        grant.source = {from.trans_domid, from.trans_ref};
    }
    return grant;
}

/// Names of domains, each looked up once.
class DomainNames {
public:
    explicit DomainNames(Toolstack& toolstack) : toolstack_{toolstack} {}
    [[nodiscard]] const std::string& of(DomId domid)
    {
        const auto known = names_.find(domid);
        return known != names_.end()
                   ? known->second
                   : names_.emplace(domid, toolstack_.name_of(domid)).first->second;
    }

private:
    Toolstack& toolstack_;
    std::map<DomId, std::string> names_;
};

/// Whose table it is, and what there is to show of it.
struct Sheet {
    std::string subject;  ///< "domain 3 (web)" or "web.xl"
    Json origin;          ///< the same for programs
    ShownTableSize size;
    GrantList grants;
};

void print(Console& console, const Sheet& sheet)
{
    if (console.options().is_json) {
        Json object = sheet.origin;
        object.update(size_json(sheet.size));
        print_grants_json(console, object, sheet.grants, "\n ");
        return;
    }
    console.print(sheet.subject + ": grant table of " + size_text(sheet.size) + "; " +
                  grants_count_text(sheet.grants) + (sheet.grants.nr_entries == 0 ? "\n" : "\n\n"));
    print_grants(console, sheet.grants);
}

class Grants final : public Verb {
public:
    void define(CLI::App& command) override;
    [[nodiscard]] ExitCode run(Console& console) override;

private:
    [[nodiscard]] bool is_path() const;
    static void show_file(Console& console, const InputFile& file);
    static void show_domain(Console& console, Toolstack& toolstack, const NamedDomain& domain);
    [[nodiscard]] std::unique_ptr<Toolstack> toolstack_if_any(bool has_file) const;
    [[nodiscard]] ExitCode show_named(Console& console);

    std::string subject_;
};

void Grants::define(CLI::App& command)
{
    command
        .add_option(
            "DOMAIN|FILE", subject_,
            "Name or number of a domain, or a file saved with --grants; - is standard input")
        ->required();
    command.footer(
        "Tells what the guest shares: with which domain, which page, with what rights, and\n"
        "whether that domain uses it now. The guest keeps this table, and makes it anew\n"
        "after a restore. Pages go by the guest's own numbers (pfn), those of a PV domain of\n"
        "this host by their machine frames (mfn) too. A domain may run meanwhile: nothing\n"
        "of it changes.\n\n"
        "  xsr grants web                   a domain of this host\n"
        "  xsr save -c --grants web web.xl && xsr grants web.xl\n"
        "  xsr grants --json web | jq '.grants[] | select(.domid == 3)'");
}

/// A domain's name holds no slash.
bool Grants::is_path() const
{
    return subject_ == "-" || subject_.find('/') != std::string::npos;
}

void Grants::show_file(Console& console, const InputFile& file)
{
    StreamGrants grants;
    try {
        grants = read_grants(file);
    } catch (const Error& error) {
        throw in_file(error, file.name());
    }
    if (!grants.entries) {
        throw Error{Errc::usage,
                    "%s holds no grant table: it was not saved with it (xsr save --grants)",
                    file.name().c_str()};
    }
    const GrantTableEntries& table = *grants.entries;
    ShownTableSize size = size_of(table);
    if (grants.info) {
        size.max_frames = grants.info->max_frames;
        size.max_version = grants.info->max_version;
    }
    print(console, {.subject = file.name(),
                    .origin = {{"file", file.name()}},
                    .size = size,
                    .grants = list_of(table)});
}

void Grants::show_domain(Console& console, Toolstack& toolstack, const NamedDomain& domain)
{
    const LiveTable table = read_live(domain.state.id);
    const auto version = grant_version_of(table->version);
    if (!version) {
        throw Error{Errc::unsupported, "%s has a grant table of version %u, which nobody knows",
                    label_of(domain).c_str(), table->version};
    }
    const auto limit = toolstack.config_of(domain).max_grant_version;
    const bool is_hvm = domain.state.is_hvm;
    DomainNames names{toolstack};
    const std::span entries{table->entries, table->nr_entries};
    print(console,
          {.subject = label_of(domain),
           .origin = {{"domid", domain.state.id}, {"name", domain.name}},
           .size = {.version = *version,
                    .nr_frames = table->nr_frames,
                    .max_frames = table->max_frames,
                    .max_version = limit ? grant_version_of(*limit) : std::nullopt},
           .grants = {
               .nr_entries = entries.size(),
               .entry = [&](std::size_t i) { return shown_live(entries[i], *version, is_hvm); },
               .style = {.name_of = [&](std::uint32_t domid) { return names.of(domid); },
                         .is_use_known = *version == GrantVersion::v1 || table->has_status != 0}}});
}

/// None where there is no Xen but a file of that name.
std::unique_ptr<Toolstack> Grants::toolstack_if_any(bool has_file) const
{
    try {
        return std::make_unique<Toolstack>();
    } catch (const Error& error) {
        if (has_file) {
            return nullptr;
        }
        throw Error{error.code(), "there is no file '%s', and no domain: %s", subject_.c_str(),
                    error.what()};
    }
}

/// What may be a domain's name or a file's.
ExitCode Grants::show_named(Console& console)
{
    std::error_code ignored;
    const bool has_file = std::filesystem::exists(subject_, ignored);
    const auto toolstack = toolstack_if_any(has_file);
    const auto domain = toolstack ? toolstack->find(subject_) : std::nullopt;
    if (domain && has_file && subject_ != std::to_string(domain->state.id)) {
        throw Error{Errc::usage,      "'%s' is %s and a file: say %u or ./%s",
                    subject_.c_str(), label_of(*domain).c_str(),
                    domain->state.id, subject_.c_str()};
    }
    if (domain) {
        show_domain(console, *toolstack, *domain);
    } else if (has_file) {
        show_file(console, InputFile{subject_});
    } else {
        Failure failure = no_such_domain(subject_);
        failure.message += ", nor such a file";
        return console.fail(failure);
    }
    return ExitCode::ok;
}

ExitCode Grants::run(Console& console)
{
    if (!is_path()) {
        return show_named(console);
    }
    show_file(console, InputFile{subject_});
    return ExitCode::ok;
}

}  // namespace

std::unique_ptr<Verb> make_grants()
{
    return std::make_unique<Grants>();
}

}  // namespace sr
