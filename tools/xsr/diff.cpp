// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr diff: in what the guests of two saved files differ.
#include "tools/xsr/diff_guests.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace sr {
namespace {

constexpr std::size_t ranges_shown = 12;

/// What was found, and how it is told.
class DiffReport {
public:
    DiffReport(PageDifferences pages, std::vector<FieldDifference> fields)
        : pages_{std::move(pages)}, fields_{std::move(fields)}
    {
    }

    [[nodiscard]] std::uint64_t nr_unexpected() const
    {
        return pages_.nr_unexpected() + nr_fields(false);
    }
    [[nodiscard]] std::uint64_t nr_expected() const
    {
        return pages_.nr_expected() + nr_fields(true);
    }
    [[nodiscard]] std::string text() const;
    [[nodiscard]] Json json() const;

private:
    [[nodiscard]] std::uint64_t nr_fields(bool is_expected) const
    {
        return static_cast<std::uint64_t>(
            std::count_if(fields_.begin(), fields_.end(), [&](const FieldDifference& each) {
                return each.reason.empty() != is_expected;
            }));
    }
    [[nodiscard]] std::string expected_text() const;
    [[nodiscard]] std::string unexpected_text() const;
    [[nodiscard]] std::string field_lines(bool is_expected) const;
    [[nodiscard]] std::string verdict() const;

    PageDifferences pages_;
    std::vector<FieldDifference> fields_;
};

std::string page_line(const char* what, const PfnRanges& pfns)
{
    return pfns.empty()
               ? ""
               : format("  %-24s %s: %s\n", what, format_count(pfns.count(), "page").c_str(),
                        pfns.text(ranges_shown).c_str());
}

/// The name without the index in brackets: what a row of equal fields has in common.
std::string row_of(const FieldDifference& field)
{
    const auto bracket = field.name.find('[');
    return bracket == std::string::npos ? field.name : field.name.substr(0, bracket);
}

std::string field_line(const FieldDifference& field, std::uint64_t nr_more)
{
    const auto shown = [](const std::string& value) {
        return value.empty() ? "none" : value.c_str();
    };
    const std::string more =
        nr_more == 0 ? "" : " and " + format_count(nr_more) + " more of its row";
    return format("  %-24s %s  %s -> %s%s\n", field.place.c_str(), field.name.c_str(),
                  shown(field.a), shown(field.b), more.c_str());
}

/// The reason for the lines above it, where there is one.
std::string reason_line(const std::string& reason)
{
    return reason.empty() ? "" : format("  %-24s   since %s\n", "", reason.c_str());
}

/// One line for each field; rows that differ for one reason in many places get one line together.
std::string DiffReport::field_lines(bool is_expected) const
{
    std::string text;
    std::string reason;  // of the lines so far, still to be told
    for (auto at = fields_.begin(); at != fields_.end();) {
        auto end = std::next(at);
        while (end != fields_.end() && end->place == at->place && end->reason == at->reason &&
               end->name != row_of(*end) && row_of(*end) == row_of(*at)) {
            ++end;
        }
        if (at->reason.empty() != is_expected) {
            text += at->reason == reason ? "" : reason_line(reason);
            text += field_line(*at, static_cast<std::uint64_t>(end - at) - 1);
            reason = at->reason;
        }
        at = end;
    }
    return text + reason_line(reason);
}

std::string DiffReport::expected_text() const
{
    std::string pages =
        page_line("p2m leaf pages", pages_.p2m_leaves) + page_line("start_info", pages_.start_info);
    pages +=
        pages.empty() ? "" : reason_line("a restore writes them for the machine frames it got");
    std::string ring = page_line("ring to xenstored", pages_.store_ring);
    ring += ring.empty() ? "" : reason_line("xenstored starts it anew");
    const std::string text = pages + ring + field_lines(true);
    return text.empty() ? "" : "Expected after a restore:\n" + text + "\n";
}

std::string DiffReport::unexpected_text() const
{
    std::string text = page_line("other contents", pages_.contents) +
                       page_line("only in A", pages_.only_in_a) +
                       page_line("only in B", pages_.only_in_b);
    for (const auto& [types, pfns] : pages_.types) {
        const std::string change =
            std::string{to_string(types.first)} + " -> " + to_string(types.second);
        text += page_line(change.c_str(), pfns);
    }
    text += field_lines(false);
    return text.empty() ? "" : "Different:\n" + text + "\n";
}

std::string DiffReport::verdict() const
{
    const std::string equal = format_count(pages_.nr_equal, "page") + " equal";
    if (nr_unexpected() == 0 && nr_expected() == 0) {
        return "equal: " + equal + ", and all other state\n";
    }
    if (nr_unexpected() == 0) {
        return "equal but for what a restore changes: " + equal + ", " +
               format_count(pages_.nr_expected(), "page") + " and " +
               format_count(nr_fields(true), "field") + " as expected\n";
    }
    return "different: " + equal + ", " + format_count(pages_.nr_unexpected(), "page") + " and " +
           format_count(nr_fields(false), "field") + " differ\n";
}

std::string DiffReport::text() const
{
    return expected_text() + unexpected_text() + verdict();
}

Json DiffReport::json() const
{
    Json types = Json::array();
    for (const auto& [pair, pfns] : pages_.types) {
        Json entry = {{"a", to_string(pair.first)}, {"b", to_string(pair.second)}};
        entry.update(pfns.json());
        types.push_back(std::move(entry));
    }
    Json fields = Json::array();
    for (const FieldDifference& each : fields_) {
        Json entry = {{"place", each.place},
                      {"field", each.name},
                      {"a", each.a},
                      {"b", each.b},
                      {"expected-after-restore", !each.reason.empty()}};
        if (!each.reason.empty()) {
            entry["reason"] = each.reason;
        }
        fields.push_back(std::move(entry));
    }
    return {{"differences", nr_unexpected()},
            {"expected-differences", nr_expected()},
            {"pages",
             {{"equal", pages_.nr_equal},
              {"contents", pages_.contents.json()},
              {"types", std::move(types)},
              {"only-in-a", pages_.only_in_a.json()},
              {"only-in-b", pages_.only_in_b.json()},
              {"expected",
               {{"p2m-leaves", pages_.p2m_leaves.json()},
                {"start-info", pages_.start_info.json()},
                {"store-ring", pages_.store_ring.json()}}}}},
            {"fields", std::move(fields)}};
}

class Diff final : public Verb {
public:
    void define(CLI::App& command) override;
    [[nodiscard]] ExitCode run(Console& console) override;
    [[nodiscard]] ExitCode trouble(ExitCode) const noexcept override { return ExitCode::usage; }

private:
    std::string a_;
    std::string b_;
    bool ignores_restore_ = false;
};

void Diff::define(CLI::App& command)
{
    command.add_option("A", a_, "A saved file; - is standard input")->required();
    command.add_option("B", b_, "Another one")->required();
    command.add_flag("--ignore-restore", ignores_restore_,
                     "What a restore always changes does not count as a difference");
    command.footer(
        "Compares the guests, not the octets: each page by the last contents a file has\n"
        "for it, types of pages, vCPUs and shared_info field by field, headers and\n"
        "policies. What a restore and another save always change is shown apart, with\n"
        "the reason.\n\n"
        "Exit status: 0 equal, 1 different, 2 trouble.\n\n"
        "  xsr diff before.xl after.xl\n"
        "  xsr diff --ignore-restore --json a.xl b.xl | jq .pages.contents");
}

ExitCode Diff::run(Console& console)
{
    if (a_ == "-" && b_ == "-") {
        throw Error{Errc::usage, "only one of the files can be standard input"};
    }
    InputFile file_a{a_};
    InputFile file_b{b_};
    const auto load = [](InputFile& file) {
        try {
            return GuestImage{file};
        } catch (const Error& error) {
            throw in_file(error, file.name());
        }
    };
    const GuestImage a = load(file_a);
    const GuestImage b = load(file_b);
    const DiffReport report{compare_pages(a, b), compare_state(a, b)};
    if (console.options().is_json) {
        console.result(report.json());
    } else {
        console.print(report.text());
    }
    const std::uint64_t counted =
        report.nr_unexpected() + (ignores_restore_ ? 0 : report.nr_expected());
    return counted == 0 ? ExitCode::ok : ExitCode::different;
}

}  // namespace

std::unique_ptr<Verb> make_diff()
{
    return std::make_unique<Diff>();
}

}  // namespace sr
