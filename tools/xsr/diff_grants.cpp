// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing grant tables, entry by entry.
#include "libsr/wire/limits.hpp"
#include "tools/xsr/diff_guests.hpp"
#include "tools/xsr/grant_view.hpp"
#include "tools/xsr/units.hpp"

namespace sr {
namespace {

constexpr const char* info_place = "SR_GRANT_TABLE_INFO";
constexpr const char* entries_place = "SR_GRANT_TABLE_ENTRIES";

constexpr const char* made_anew = "a restored guest starts with a table of version 1, which holds "
                                  "only its rings, and makes its grants anew";
constexpr const char* seeded = "a restore fills the entries of console and xenstore";
constexpr const char* other_host = "a destination has limits of its own";
constexpr const char* others_map = "other domains map what is granted when they like";

/// Entries told one by one: two hostile streams may differ in four million.
constexpr std::uint64_t entries_told_max = 4096;

std::string number_or_none(std::optional<GrantVersion> version)
{
    return version ? std::to_string(number_of(*version)) : "";
}

/// An entry but for who uses it, and for where its version keeps that.
StreamGrantEntry unused(StreamGrantEntry entry) noexcept
{
    if (entry.version == GrantVersion::v1 && entry.shares()) {
        entry.flags &= static_cast<std::uint16_t>(~grant_flag::status_mask);
    }
    entry.status = 0;
    entry.version = GrantVersion::v1;
    return entry;
}

bool are_same(const StreamGrantEntry& a, const StreamGrantEntry& b) noexcept
{
    return unused(a) == unused(b) && a.reading() == b.reading() && a.writing() == b.writing();
}

std::string text_of(const StreamGrantEntry* entry)
{
    return entry != nullptr ? grant_phrase(shown(*entry), {}) : "";
}

/// "grant 8" stands on its own in a report; those that differ for one reason, "grant[8]", share a line.
std::string name_of(std::uint32_t ref, bool has_reason)
{
    return format(has_reason ? "grant[%u]" : "grant %u", ref);
}

/// What a toolstack makes for console and xenstore. Whoever serves them may have it in use.
bool is_seed(const StreamGrantEntry& entry) noexcept
{
    constexpr std::uint32_t nr_seeded = 2;
    constexpr auto access = static_cast<std::uint16_t>(GrantKind::permit_access);
    return entry.ref < nr_seeded && unused(entry).flags == access && entry.frame.has_value();
}

/// Why a restore makes one of the other; empty if it does not. One may not be there.
const char* reason_of(const StreamGrantEntry* a, const StreamGrantEntry* b) noexcept
{
    if (b == nullptr) {
        return made_anew;
    }
    if (a != nullptr && unused(*a) == unused(*b)) {
        return others_map;
    }
    return is_seed(*b) ? seeded : "";
}

class GrantComparison {
public:
    explicit GrantComparison(std::vector<FieldDifference>& found) : found_{found} {}

    void compare(const GrantTableInfo& a, const GrantTableInfo& b);
    void compare(const GrantTableEntries& a, const GrantTableEntries& b);

private:
    void value(const char* place, const char* name, const std::string& a, const std::string& b,
               const char* reason);
    void entry(const StreamGrantEntry* a, const StreamGrantEntry* b);

    std::vector<FieldDifference>& found_;
    std::uint64_t nr_different_ = 0;
};

void GrantComparison::value(const char* place, const char* name, const std::string& a,
                            const std::string& b, const char* reason)
{
    if (a != b) {
        found_.push_back({place, name, a, b, reason});
    }
}

void GrantComparison::compare(const GrantTableInfo& a, const GrantTableInfo& b)
{
    value(info_place, "max_frames", std::to_string(a.max_frames), std::to_string(b.max_frames),
          other_host);
    value(info_place, "max_version", number_or_none(a.max_version), number_or_none(b.max_version),
          other_host);
}

/// One of them may not be there.
void GrantComparison::entry(const StreamGrantEntry* a, const StreamGrantEntry* b)
{
    if (a != nullptr && b != nullptr && are_same(*a, *b)) {
        return;
    }
    if (++nr_different_ > entries_told_max) {
        return;
    }
    const std::uint32_t ref = a != nullptr ? a->ref : b->ref;
    const char* const reason = reason_of(a, b);
    found_.push_back(
        {entries_place, name_of(ref, *reason != '\0'), text_of(a), text_of(b), reason});
}

void GrantComparison::compare(const GrantTableEntries& a, const GrantTableEntries& b)
{
    const bool is_older = b.version < a.version;
    value(entries_place, "version", number_or_none(a.version), number_or_none(b.version),
          is_older ? made_anew : "");
    value(entries_place, "nr_frames", std::to_string(a.nr_frames), std::to_string(b.nr_frames),
          b.nr_frames < a.nr_frames ? made_anew : "");
    auto at_a = a.entries.begin();
    auto at_b = b.entries.begin();
    while (at_a != a.entries.end() || at_b != b.entries.end()) {
        const bool only_b = at_a == a.entries.end();
        const bool only_a = at_b == b.entries.end();
        const bool has_a = !only_b && (only_a || at_a->ref <= at_b->ref);
        const bool has_b = !only_a && (only_b || at_b->ref <= at_a->ref);
        entry(has_a ? &*at_a : nullptr, has_b ? &*at_b : nullptr);
        at_a += has_a ? 1 : 0;
        at_b += has_b ? 1 : 0;
    }
    if (nr_different_ > entries_told_max) {
        found_.push_back({entries_place,
                          format_count(nr_different_ - entries_told_max, "more grant"), "…",
                          "other", ""});
    }
}

}  // namespace

void compare_grants(const GuestImage& a, const GuestImage& b, std::vector<FieldDifference>& found)
{
    const auto body = [](const GuestImage& guest, RecordType type) { return guest.record(type); };
    GrantComparison comparison{found};
    constexpr auto info = RecordType::grant_table_info;
    if (!body(a, info).empty() && !body(b, info).empty()) {
        comparison.compare(decode_grant_table_info(body(a, info)),
                           decode_grant_table_info(body(b, info)));
    }
    constexpr auto entries = RecordType::grant_table_entries;
    if (!body(a, entries).empty() && !body(b, entries).empty()) {
        comparison.compare(decode_grant_table_entries(body(a, entries), Pfn{limits::pfn_max}),
                           decode_grant_table_entries(body(b, entries), Pfn{limits::pfn_max}));
    }
}

}  // namespace sr
