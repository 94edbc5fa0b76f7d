// SPDX-License-Identifier: LGPL-2.1-or-later
// Laying out entries of grant tables.
#include "tools/xsr/grant_view.hpp"

#include "tools/xsr/units.hpp"

#include <array>

namespace sr {
namespace {

/// Entries that a toolstack fills before a guest runs: GNTTAB_RESERVED_CONSOLE and _XENSTORE of public/grant_table.h.
constexpr std::array reserved_for = {"console", "xenstore"};

struct NamedFlag {
    std::uint16_t bit;
    const char* name;
};

/// How a mapping is to be cached: GTF_PWT, GTF_PCD and GTF_PAT, of access alone.
constexpr std::array cache_flags = {
    NamedFlag{1U << 5U, "PWT"},
    NamedFlag{1U << 6U, "PCD"},
    NamedFlag{1U << 7U, "PAT"},
};
constexpr std::uint16_t cache_mask = 0xe0;

unsigned known_flags(const ShownGrant& grant) noexcept
{
    const unsigned use_mask = grant.version == GrantVersion::v1 ? grant_flag::status_mask : 0U;
    switch (grant.kind()) {
    case GrantKind::permit_access:
        return grant_flag::kind_mask | grant_flag::read_only | use_mask | cache_mask |
               (grant.sub_page ? grant_flag::sub_page : 0U);
    case GrantKind::transitive:
        return grant_flag::kind_mask | grant_flag::read_only | use_mask;
    case GrantKind::accept_transfer:
        return grant_flag::kind_mask | grant_flag::transfer_committed |
               grant_flag::transfer_completed;
    case GrantKind::invalid:
        return 0;
    }
    return 0;
}

std::string domain_text(std::uint32_t domid, const GrantStyle& style)
{
    const std::string name = style.name_of ? style.name_of(domid) : "";
    return std::to_string(domid) + (name.empty() ? "" : " (" + name + ")");
}

std::string octets_text(const ShownGrant::SubPage& part)
{
    const unsigned first = part.offset;
    return part.length == 0 ? " no octets"
                            : format(" octets %u..%u", first, first + part.length - 1);
}

std::string frame_text(const ShownFrame& frame)
{
    const std::string pfn = frame.pfn ? "pfn " + format_hex(frame.pfn->number()) : "";
    const std::string mfn = frame.mfn ? "mfn " + format_hex(frame.mfn->number()) : "";
    if (frame.pfn && frame.mfn) {
        return pfn + " (" + mfn + ")";
    }
    return frame.pfn ? pfn : mfn + ", not its own";
}

std::string page_text(const ShownGrant& grant)
{
    if (grant.source) {
        return format("ref %u of domain %u", grant.source->ref, unsigned{grant.source->domid});
    }
    if (!grant.is_of_a_frame()) {
        return "-";
    }
    const std::string text = grant.frame ? frame_text(*grant.frame) : "not the guest's";
    return grant.sub_page ? text + octets_text(*grant.sub_page) : text;
}

const char* transfer_word(const ShownGrant& grant) noexcept
{
    return (grant.flags & grant_flag::transfer_completed) != 0   ? "completed"
           : (grant.flags & grant_flag::transfer_committed) != 0 ? "committed"
                                                                 : "awaited";
}

const char* rights_text(const ShownGrant& grant) noexcept
{
    switch (grant.kind()) {
    case GrantKind::permit_access:
    case GrantKind::transitive:
        return grant.read_only() ? "read" : "read, write";
    case GrantKind::accept_transfer:
        return "give a page";
    case GrantKind::invalid:
        return "none";
    }
    return "";
}

const char* use_text(const ShownGrant& grant, const GrantStyle& style) noexcept
{
    if (grant.kind() == GrantKind::accept_transfer) {
        return transfer_word(grant);
    }
    if (!style.is_use_known) {
        return "not known";
    }
    if (grant.reading() && grant.writing()) {
        return "reading, writing";
    }
    return grant.writing() ? "writing" : grant.reading() ? "reading" : "-";
}

const char* role_of(const ShownGrant& grant) noexcept
{
    return grant.ref < reserved_for.size() ? reserved_for.at(grant.ref) : "";
}

std::string notes_text(const ShownGrant& grant)
{
    std::string text = role_of(grant);
    const auto add = [&](const std::string& note) { text += (text.empty() ? "" : ", ") + note; };
    if (grant.kind() == GrantKind::invalid) {
        add(is_in_use(grant) ? "revoked" : "not in force");
    }
    if (grant.kind() == GrantKind::permit_access) {
        for (const NamedFlag& each : cache_flags) {
            if ((grant.flags & each.bit) != 0) {
                add(each.name);
            }
        }
    }
    if (const unsigned unknown = grant.flags & ~known_flags(grant); unknown != 0) {
        add("flags " + format_hex(unknown));
    }
    return text;
}

std::string line_of(const std::string& ref, const std::string& domain, const std::string& page,
                    const std::string& rights, const std::string& use, const std::string& notes)
{
    std::string line = format("%8s  %-16s  %-32s  %-11s  %-16s  %s", ref.c_str(), domain.c_str(),
                              page.c_str(), rights.c_str(), use.c_str(), notes.c_str());
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
}

}  // namespace

ShownGrant shown(const StreamGrantEntry& entry) noexcept
{
    const auto frame = entry.frame
                           ? std::optional{ShownFrame{.pfn = entry.frame, .mfn = std::nullopt}}
                           : std::nullopt;
    return with_frame(entry, frame);
}

ShownTableSize size_of(const GrantTableInfo& info) noexcept
{
    return {.version = info.version,
            .nr_frames = info.nr_frames,
            .max_frames = info.max_frames,
            .max_version = info.max_version};
}

ShownTableSize size_of(const GrantTableEntries& table) noexcept
{
    return {.version = table.version,
            .nr_frames = table.nr_frames,
            .max_frames = std::nullopt,
            .max_version = std::nullopt};
}

std::string size_text(const ShownTableSize& size)
{
    std::string text = format("version %u", number_of(size.version));
    if (size.max_version) {
        text += format(" (at most %u)", number_of(*size.max_version));
    }
    text += ", " + format_count(size.nr_frames, "frame");
    if (size.max_frames) {
        text += " (at most " + format_count(*size.max_frames) + ")";
    }
    const std::uint32_t nr_status = nr_grant_status_frames(size.version, size.nr_frames);
    return nr_status == 0 ? text : text + ", " + format_count(nr_status, "status frame");
}

Json size_json(const ShownTableSize& size)
{
    Json members = {{"version", number_of(size.version)}, {"frames", size.nr_frames}};
    if (size.max_frames) {
        members["max-frames"] = *size.max_frames;
    }
    if (size.max_version) {
        members["max-version"] = number_of(*size.max_version);
    }
    members["status-frames"] = nr_grant_status_frames(size.version, size.nr_frames);
    return members;
}

bool is_in_use(const ShownGrant& grant) noexcept
{
    return grant.reading() || grant.writing();
}

std::string grant_heading()
{
    return line_of("ref", "to domain", "page", "rights", "in use", "");
}

std::string grant_line(const ShownGrant& grant, const GrantStyle& style)
{
    return line_of(std::to_string(grant.ref), domain_text(grant.domid, style), page_text(grant),
                   rights_text(grant), use_text(grant, style), notes_text(grant));
}

std::string grant_phrase(const ShownGrant& grant, const GrantStyle& style)
{
    std::string text = "to " + domain_text(grant.domid, style) + ':';
    const char* separator = " ";
    for (const std::string& part : {page_text(grant), std::string{rights_text(grant)},
                                    std::string{use_text(grant, style)}, notes_text(grant)}) {
        if (!part.empty() && part != "-") {
            text += separator + part;
            separator = ", ";
        }
    }
    return text;
}

Json grant_json(const ShownGrant& grant, const GrantStyle& style)
{
    Json members = {{"ref", grant.ref}, {"kind", to_string(grant.kind())}, {"domid", grant.domid}};
    const std::string name = style.name_of ? style.name_of(grant.domid) : "";
    if (!name.empty()) {
        members["name"] = name;
    }
    if (*role_of(grant) != '\0') {
        members["role"] = role_of(grant);
    }
    if (grant.names_frame() && grant.frame->pfn) {
        members["pfn"] = grant.frame->pfn->number();
    }
    if (grant.names_frame() && grant.frame->mfn) {
        members["mfn"] = grant.frame->mfn->number();
    }
    if (grant.sub_page) {
        members["sub-page"] = {{"offset", grant.sub_page->offset},
                               {"length", grant.sub_page->length}};
    }
    if (grant.source) {
        members["source"] = {{"domid", grant.source->domid}, {"ref", grant.source->ref}};
    }
    if (grant.kind() == GrantKind::accept_transfer) {
        members["transfer"] = transfer_word(grant);
    } else {
        members["writable"] = grant.shares() && !grant.read_only();
        if (style.is_use_known) {
            members["reading"] = grant.reading();
            members["writing"] = grant.writing();
        }
    }
    members["flags"] = grant.flags;
    return members;
}

GrantList list_of(const GrantTableEntries& table)
{
    return {.nr_entries = table.entries.size(),
            .entry = [&table](std::size_t i) { return shown(table.entries[i]); },
            .style = {}};
}

std::string grants_count_text(std::uint64_t nr_entries, std::uint64_t in_use)
{
    const std::string text = nr_entries == 0 ? "no grants" : format_count(nr_entries, "grant");
    return in_use == 0 ? text : text + ", " + format_count(in_use) + " in use";
}

std::uint64_t nr_in_use(const GrantList& list)
{
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < list.nr_entries; ++i) {
        count += is_in_use(list.entry(i)) ? 1U : 0U;
    }
    return count;
}

std::string grants_count_text(const GrantList& list)
{
    const std::string text = grants_count_text(list.nr_entries, nr_in_use(list));
    return list.style.is_use_known ? text : text + ", use not known while it runs";
}

void print_grants(Console& console, const GrantList& list)
{
    if (list.nr_entries != 0) {
        console.print(grant_heading());
    }
    for (std::size_t i = 0; i < list.nr_entries; ++i) {
        console.print(grant_line(list.entry(i), list.style));
    }
}

void print_grants_json(Console& console, const Json& object, const GrantList& list,
                       const char* before)
{
    std::string head = json_text(object);
    head.back() = ',';
    console.print(head + "\"grants\":[");
    for (std::size_t i = 0; i < list.nr_entries; ++i) {
        console.print((i == 0 ? "" : ",") +
                      (before + json_text(grant_json(list.entry(i), list.style))));
    }
    console.print("]}\n");
}

}  // namespace sr
