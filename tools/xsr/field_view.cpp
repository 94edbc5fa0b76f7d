// SPDX-License-Identifier: LGPL-2.1-or-later
// Laying out fields.
#include "tools/xsr/field_view.hpp"

#include "tools/xsr/units.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace sr {
namespace {

constexpr std::uint16_t vcpu_flags_offset = 512;

struct Cell {
    std::string name;
    std::string value;
};

/// Single fields that hold something, in the order of the structure.
std::vector<Cell> cells_of(std::span<const GuestField> fields, std::span<const std::byte> octets)
{
    std::vector<Cell> cells;
    for (const GuestField& field : fields) {
        const std::uint64_t value = value_of(field, 0, octets);
        if (field.count > 1 || value == 0) {
            continue;
        }
        cells.push_back({field.name, format_hex(value)});
    }
    return cells;
}

std::string columns_text(const std::vector<Cell>& cells)
{
    constexpr std::size_t columns = 2;
    std::size_t name_width = 0;
    for (const Cell& cell : cells) {
        name_width = std::max(name_width, cell.name.size());
    }
    const std::size_t rows = (cells.size() + columns - 1) / columns;
    std::string text;
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t at = row; at < cells.size(); at += rows) {
            const bool is_last = at + rows >= cells.size();
            text +=
                format(is_last ? "    %-*s  %s" : "    %-*s  %-20s", static_cast<int>(name_width),
                       cells[at].name.c_str(), cells[at].value.c_str());
        }
        text += '\n';
    }
    return text;
}

/// "0..31: 0x13", for elements that hold the same, and how far they go.
std::string run_text(const GuestField& field, unsigned& index, std::span<const std::byte> octets)
{
    const unsigned first = index;
    const std::uint64_t value = value_of(field, first, octets);
    while (index < field.count && value_of(field, index, octets) == value) {
        ++index;
    }
    if (value == 0) {
        return {};
    }
    return index - first == 1 ? format("%u: %s", first, format_hex(value).c_str())
                              : format("%u..%u: %s", first, index - 1, format_hex(value).c_str());
}

/// "    trap[].cs  0..31: 0x13  32..255: 0x3", wrapped; empty if all elements are zero.
std::string row_text(const GuestField& field, std::span<const std::byte> octets)
{
    constexpr std::size_t width = 100;
    const std::string head = std::string{"    "} + field.name;
    std::string text;
    std::string line = head;
    for (unsigned index = 0; index < field.count;) {
        const std::string run = run_text(field, index, octets);
        if (run.empty()) {
            continue;
        }
        if (line.size() + 2 + run.size() > width) {
            text += line + '\n';
            line = "       ";
        }
        line += "  " + run;
    }
    return line == head ? "" : text + line + '\n';
}

/// The flags of a vCPU by name, under the columns.
std::string flags_text(std::span<const GuestField> fields, std::span<const std::byte> octets)
{
    const auto flags = std::find_if(fields.begin(), fields.end(), [](const GuestField& field) {
        return std::string_view{field.name} == "flags" && field.offset == vcpu_flags_offset;
    });
    return flags == fields.end()
               ? ""
               : "    flags: " + vcpu_flag_names(value_of(*flags, 0, octets)) + '\n';
}

}  // namespace

std::string fields_text(std::span<const GuestField> fields, std::span<const std::byte> octets)
{
    std::string text = columns_text(cells_of(fields, octets)) + flags_text(fields, octets);
    for (const GuestField& field : fields) {
        text += field.count > 1 ? row_text(field, octets) : "";
    }
    return text;
}

Json fields_json(std::span<const GuestField> fields, std::span<const std::byte> octets)
{
    Json members = Json::object();
    for (const GuestField& field : fields) {
        if (field.count == 1) {
            members[field.name] = format_hex(value_of(field, 0, octets));
            continue;
        }
        Json row = Json::array();
        bool is_zero = true;
        for (unsigned index = 0; index < field.count; ++index) {
            const std::uint64_t value = value_of(field, index, octets);
            is_zero = is_zero && value == 0;
            row.push_back(format_hex(value));
        }
        if (!is_zero) {
            members[field.name] = std::move(row);
        }
    }
    return members;
}

}  // namespace sr
