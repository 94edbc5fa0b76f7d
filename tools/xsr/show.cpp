// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr show: the records of a saved file one by one, or one page of its guest.
#include "libsr/base/fd_io.hpp"
#include "libsr/wire/container.hpp"
#include "libsr/wire/limits.hpp"
#include "tools/xsr/field_view.hpp"
#include "tools/xsr/grant_view.hpp"
#include "tools/xsr/guest_image.hpp"
#include "tools/xsr/page_view.hpp"
#include "tools/xsr/record_view.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cinttypes>
#include <memory>

namespace sr {
namespace {

class Show final : public Verb {
public:
    void define(CLI::App& command) override;
    [[nodiscard]] ExitCode run(Console& console) override;

private:
    void show_records(Console& console, InputFile& file);
    void show_record(Console& console, StreamReader& reader, RecordContext& context);
    void print_record(Console& console, const RecordHead& head, const std::string& summary,
                      const std::string& details, const Json& members) const;
    void show_grants(Console& console, const StreamReader& reader,
                     std::span<const std::byte> body) const;
    void show_page(Console& console, InputFile& file);
    [[nodiscard]] bool is_wanted(const RecordHead& head) const;
    [[nodiscard]] bool wants_details() const { return !types_.empty() || !record_.empty(); }

    std::string file_;
    std::string pfn_;
    std::string record_;
    std::vector<std::string> types_;
};

std::string upper(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

/// "VCPU" stands for X86_PV_VCPU_BASIC and its like: a part of a name is enough.
std::string checked_type(const std::string& wanted)
{
    std::string part = upper(wanted);
    for (std::uint32_t index = 0; index < nr_known_types; ++index) {
        if (std::string_view{name_of(record_type_at(index))}.find(part) != std::string_view::npos) {
            return part;
        }
    }
    throw Error{Errc::usage,
                "there is no record type like '%s': PAGE_DATA, VCPU, SHARED_INFO, CPUID, …",
                wanted.c_str()};
}

void Show::define(CLI::App& command)
{
    command.add_option("FILE", file_, "The saved file; - is standard input")->required();
    auto* page = command.add_option("--pfn", pfn_, "Show this page as the guest has it in the end")
                     ->type_name("N");
    command
        .add_option("--type", types_,
                    "Show records of this type only, in full; a part of the name is enough")
        ->type_name("TYPE")
        ->delimiter(',')
        ->excludes(page);
    command.add_option("--record", record_, "Show this record only, in full")
        ->type_name("N")
        ->excludes(page);
    command.footer(
        "Numbers may be decimal or 0x. Record numbers and offsets count from the libxc\n"
        "image header; offsets of pages from the start of the file. Fields that are zero\n"
        "are left out. Page-table entries: P present, RW writable, US user, WT and CD\n"
        "caching, A accessed, D dirty, G global, PSE superpage, NX no execute, AVL and\n"
        "HIGH bits that the guest may use.\n\n"
        "  xsr show web.xl                  all records, a line each\n"
        "  xsr show --type vcpu web.xl      vCPUs, field by field\n"
        "  xsr show --pfn 0x1a03 web.xl     a page: tables as tables, others as octets");
}

bool Show::is_wanted(const RecordHead& head) const
{
    if (!record_.empty() && head.place.record != parse_number(record_, "record number")) {
        return false;
    }
    const std::string_view name = name_of(head.type);
    return types_.empty() ||
           std::any_of(types_.begin(), types_.end(), [&](const std::string& part) {
               return name.find(part) != std::string_view::npos;
           });
}

Json head_json(const RecordHead& head)
{
    return {{"record", head.place.record},
            {"offset", head.place.offset},
            {"type", name_of(head.type)},
            {"length", head.length}};
}

void Show::print_record(Console& console, const RecordHead& head, const std::string& summary,
                        const std::string& details, const Json& members) const
{
    if (console.options().is_json) {
        Json line = head_json(head);
        line.update(members);
        console.print(json_text(line) + "\n");
        return;
    }
    console.print(format("%6" PRIu64 "  %10s  %-22s %s\n", head.place.record,
                         format_hex(head.place.offset).c_str(), name_of(head.type),
                         summary.c_str()));
    if (wants_details()) {
        console.print(details);
    }
}

void Show::show_grants(Console& console, const StreamReader& reader,
                       std::span<const std::byte> body) const
{
    const GrantTableEntries table =
        reader.at_place([&] { return decode_grant_table_entries(body, Pfn{limits::pfn_max}); });
    const GrantList grants = list_of(table);
    if (console.options().is_json) {
        Json line = head_json(reader.head());
        line.update(size_json(size_of(table)));
        print_grants_json(console, line, grants, "");
        return;
    }
    print_record(console, reader.head(),
                 size_text(size_of(table)) + "; " + grants_count_text(grants), "", {});
    if (wants_details()) {
        print_grants(console, grants);
    }
}

void Show::show_record(Console& console, StreamReader& reader, RecordContext& context)
{
    const RecordHead head = reader.head();
    const auto type = record_type_from_wire(head.type);
    if (type == RecordType::page_data) {
        const auto entries = reader.read_page_data_head(Pfn{limits::pfn_max});
        if (is_wanted(head)) {
            print_record(console, head, pages_summary(entries), pages_details(entries),
                         pages_json(entries));
        }
        reader.skip_body();
        return;
    }
    const auto body = reader.read_body();
    if (type == RecordType::x86_pv_info) {
        context.width = reader.at_place([&] { return decode_pv_info(body); });
    }
    if (!is_wanted(head)) {
        return;
    }
    if (!type) {
        print_record(console, head,
                     format("type %#x, %s", head.type, format_octets(head.length).c_str()),
                     hex_dump(body), {{"type-number", head.type}});
        return;
    }
    if (type == RecordType::grant_table_entries) {
        show_grants(console, reader, body);
        return;
    }
    reader.at_place([&] {
        print_record(console, head, record_summary(*type, body, context),
                     record_details(*type, body, context), record_json(*type, body, context));
    });
}

void Show::show_records(Console& console, InputFile& file)
{
    FdSource source{file.fd()};
    Container container{source};
    StreamReader reader{container.libxc()};
    RecordContext context;
    if (!console.options().is_json && !wants_details()) {
        const std::string around = container.kind() == ContainerKind::libxc
                                       ? ""
                                       : format(" (%s)", to_string(container.kind()));
        const DomainHeader& domain = reader.domain_header();
        console.print(format("libxc stream v%u%s: %s, written on Xen %u.%u\n\n",
                             reader.image_header().version, around.c_str(), to_string(domain.type),
                             domain.xen_major, domain.xen_minor));
        console.print("record      offset  type\n");
    }
    std::uint32_t type = 0;
    do {
        type = reader.next().type;
        show_record(console, reader, context);
        if (type == to_wire(RecordType::checkpoint)) {
            container.read_checkpoint();
        }
    } while (type != to_wire(RecordType::end));
    const std::uint64_t last = reader.head().place.record;
    if (!record_.empty() && parse_number(record_, "record number") > last) {
        throw Error{Errc::usage, "there is no record %s; the last is %" PRIu64, record_.c_str(),
                    last};
    }
}

/// What a page is beside its type: part of the p2m, start_info, or what a vCPU's cr3 points to.
std::string role_of(const GuestImage& guest, std::uint64_t pfn)
{
    if (guest.is_p2m_frame(pfn)) {
        return "a leaf of the guest's p2m";
    }
    return guest.start_info_pfn() == pfn ? "start_info" : "";
}

void Show::show_page(Console& console, InputFile& file)
{
    const GuestImage guest{file};
    const std::uint64_t pfn = parse_number(pfn_, "pfn");
    const PageState state = guest.page(pfn);
    if (!state.exists()) {
        std::uint64_t highest = 0;
        guest.for_each_page([&](std::uint64_t each, const PageState&) { highest = each; });
        throw Error{Errc::usage, "the guest has no page with pfn %s; the highest is %s",
                    format_hex(pfn).c_str(), format_hex(highest).c_str()};
    }
    const std::string role = role_of(guest, pfn);
    const auto page = std::make_unique<PageContents>();
    if (has_contents(state.type)) {
        guest.read_page(state, *page);
    }
    const unsigned level = table_level(state.type);
    if (console.options().is_json) {
        Json document = {{"pfn", pfn}, {"type", to_string(state.type)}, {"role", role}};
        if (has_contents(state.type)) {
            document["offset"] = state.contents_at;
            document["contents"] = hex_string(*page);
        }
        if (level != 0) {
            document["entries"] = table_json(*page, level);
        }
        console.result(document);
        return;
    }
    console.print(format("pfn %s: %s%s%s", format_hex(pfn).c_str(), to_string(state.type),
                         role.empty() ? "" : ", ", role.c_str()));
    if (!has_contents(state.type)) {
        console.print("\n");
        return;
    }
    console.print(
        format(", contents at offset %s of the file\n", format_hex(state.contents_at).c_str()));
    if (level == 0 && role == "start_info") {
        console.print(fields_text(start_info_fields(guest.width()), *page));
    }
    const std::string text = level != 0 ? table_text(*page, level) : hex_dump(*page);
    console.print(text.empty() ? "  all entries are zero\n" : text);
}

ExitCode Show::run(Console& console)
{
    std::transform(types_.begin(), types_.end(), types_.begin(), &checked_type);
    InputFile file{file_};
    try {
        if (pfn_.empty()) {
            show_records(console, file);
        } else {
            show_page(console, file);
        }
    } catch (const Error& error) {
        throw in_file(error, file.name());
    }
    return ExitCode::ok;
}

}  // namespace

std::unique_ptr<Verb> make_show()
{
    return std::make_unique<Show>();
}

}  // namespace sr
