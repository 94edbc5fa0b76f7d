// SPDX-License-Identifier: LGPL-2.1-or-later
// Usage, options and verbs, laid out.
#include "tools/xsr/help.hpp"

#include <sstream>

namespace sr {
namespace {

constexpr std::size_t text_column = 26;
constexpr std::size_t line_columns = 80;

/// "  head      text that goes on
///             below its start"
std::string entry(const std::string& head, const std::string& text)
{
    std::string line = "  " + head;
    std::string out;
    if (line.size() + 2 > text_column) {
        out = line + '\n';
        line.clear();
    }
    line.resize(text_column, ' ');
    std::istringstream words{text};
    bool is_fresh = true;
    for (std::string word; words >> word; is_fresh = false) {
        if (!is_fresh && line.size() + 1 + word.size() > line_columns) {
            out += line + '\n';
            line.assign(text_column, ' ');
            is_fresh = true;
        }
        line += (is_fresh ? "" : " ") + word;
    }
    return out + line + '\n';
}

}  // namespace

HelpFormatter::HelpFormatter()
{
    label("Positionals", "Arguments");
    label("Subcommands", "Verbs");
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const
{
    std::string usage =
        "Usage: " + name + (app->get_subcommands({}).empty() ? " [OPTIONS]" : " VERB …");
    for (const CLI::Option* option : app->get_options()) {
        if (option->get_positional()) {
            usage += ' ' + option->get_name(true);
        }
    }
    return usage + "\n";
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const
{
    std::string head = option->get_name(is_positional, !is_positional);
    for (std::size_t comma = head.find(','); comma != std::string::npos;
         comma = head.find(',', comma + 2)) {
        head.replace(comma, 1, ", ");
    }
    if (!is_positional && option->get_type_size() > 0) {
        head += ' ' + option->get_type_name();
    }
    std::string text = option->get_description();
    if (!option->get_default_str().empty() && option->get_type_size() > 0) {
        text += " (default " + option->get_default_str() + ")";
    }
    return entry(head, text);
}

std::string HelpFormatter::make_subcommand(const CLI::App* sub) const
{
    return entry(sub->get_name(), sub->get_description());
}

}  // namespace sr
