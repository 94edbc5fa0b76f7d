// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables and hex dumps.
#include "tools/xsr/page_view.hpp"

#include "tools/xsr/units.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <vector>

namespace sr {
namespace {

struct Letter {
    unsigned bit;
    const char* letters;
};

constexpr std::array pte_letters = {
    Letter{1, "RW"}, Letter{2, "US"}, Letter{3, "WT"}, Letter{4, "CD"},
    Letter{5, "A"},  Letter{6, "D"},  Letter{8, "G"},
};

struct Slot {
    unsigned number;
    Pte<Pfn> entry;
};

std::vector<Slot> used_slots(TableOctets table)
{
    std::vector<Slot> used;
    for (unsigned slot = 0; slot < entries_per_table; ++slot) {
        const auto entry = load_pte<Pfn>(table, slot);
        if (entry.raw() != 0) {
            used.push_back({slot, entry});
        }
    }
    return used;
}

/// How many of the slots go on as the first does: next slot, next frame, same flags.
std::size_t run_length(std::span<const Slot> slots)
{
    std::size_t length = 1;
    while (length < slots.size()) {
        const Slot& first = slots.front();
        const Slot& next = slots[length];
        if (next.number != first.number + length || !next.entry.present() ||
            next.entry.flags() != first.entry.flags() ||
            next.entry.frame().number() != first.entry.frame().number() + length) {
            break;
        }
        ++length;
    }
    return slots.front().entry.present() ? length : 1;
}

std::string run_text(std::span<const Slot> run, unsigned level)
{
    const Slot& first = run.front();
    if (!first.entry.present()) {
        return format("  [%3u]       not present, raw %016" PRIx64 "\n", first.number,
                      first.entry.raw());
    }
    const std::string slots = run.size() == 1
                                  ? format("[%3u]", first.number)
                                  : format("[%3u..%3u]", first.number, run.back().number);
    const std::string frames = run.size() == 1 ? format_hex(first.entry.frame().number())
                                               : format_hex(first.entry.frame().number()) + ".." +
                                                     format_hex(run.back().entry.frame().number());
    return format("  %-11s pfn %-17s %s\n", slots.c_str(), frames.c_str(),
                  pte_flag_letters(first.entry, level).c_str());
}

std::string dump_line(std::size_t offset, std::span<const std::byte> line)
{
    std::string text = format("  %03zx ", offset);
    std::string characters;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto octet = std::to_integer<unsigned>(line[i]);
        text += format(i == 8 ? "  %02x" : " %02x", octet);
        characters += octet >= 0x20 && octet < 0x7f ? static_cast<char>(octet) : '.';
    }
    return text + "  |" + characters + "|\n";
}

}  // namespace

std::string pte_flag_letters(Pte<Pfn> entry, unsigned level)
{
    std::string text = entry.present() ? "P" : "-";
    for (const Letter& each : pte_letters) {
        if ((entry.raw() >> each.bit & 1U) != 0) {
            text += std::string{" "} + each.letters;
        }
    }
    if (entry.pse()) {
        text += level == 1 ? " PAT" : " PSE";
    }
    constexpr unsigned available_shift = 9;
    if (const auto available = entry.raw() >> available_shift & 7U; available != 0) {
        text += format(" AVL=%" PRIx64, available);
    }
    constexpr unsigned high_shift = 52;
    if (const auto high = entry.raw() >> high_shift & 0x7ffU; high != 0) {
        text += format(" HIGH=%" PRIx64, high);
    }
    if ((entry.raw() >> 63U) != 0) {
        text += " NX";
    }
    return text;
}

std::string table_text(TableOctets table, unsigned level)
{
    const std::vector<Slot> slots = used_slots(table);
    std::string text;
    for (std::span<const Slot> left = slots; !left.empty();) {
        const std::size_t length = run_length(left);
        text += run_text(left.first(length), level);
        left = left.subspan(length);
    }
    return text;
}

Json table_json(TableOctets table, unsigned level)
{
    Json entries = Json::array();
    for (const Slot& slot : used_slots(table)) {
        Json entry = {{"slot", slot.number}, {"raw", format_hex(slot.entry.raw())}};
        if (slot.entry.present()) {
            entry["pfn"] = slot.entry.frame().number();
            entry["flags"] = pte_flag_letters(slot.entry, level);
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

std::string hex_dump(std::span<const std::byte> octets)
{
    constexpr std::size_t width = 16;
    std::string text;
    bool is_repeating = false;
    for (std::size_t at = 0; at < octets.size(); at += width) {
        const auto line = octets.subspan(at, std::min(width, octets.size() - at));
        const bool is_same = at >= width && line.size() == width && at + width < octets.size() &&
                             std::equal(line.begin(), line.end(),
                                        octets.begin() + static_cast<std::ptrdiff_t>(at - width));
        if (!is_same) {
            text += dump_line(at, line);
        } else if (!is_repeating) {
            text += "  *\n";
        }
        is_repeating = is_same;
    }
    return text;
}

std::string hex_string(std::span<const std::byte> octets)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(octets.size() * 2);
    for (const std::byte each : octets) {
        const auto octet = std::to_integer<unsigned>(each);
        text += digits[octet >> 4U];
        text += digits[octet & 0xfU];
    }
    return text;
}

}  // namespace sr
