// SPDX-License-Identifier: LGPL-2.1-or-later
// Options that take one of a few words.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <utility>
#include <vector>

namespace sr {

/// Takes one of these words, in any case, and nothing else; a mistake is told with the words that there are.
template <typename Value>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Value& value,
                        std::vector<std::pair<std::string, Value>> choices,
                        const std::string& description)
{
    const auto take = [name, &value, choices = std::move(choices)](const std::string& text) {
        std::string words;
        for (const auto& choice : choices) {
            if (CLI::detail::to_lower(text) == choice.first) {
                value = choice.second;
                return;
            }
            const bool is_last = &choice == &choices.back();
            words += (words.empty() ? "" : is_last ? " or " : ", ") + choice.first;
        }
        throw CLI::ValidationError(name, "'" + text + "' is not " + words);
    };
    return command.add_option_function<std::string>(name, take, description);
}

}  // namespace sr
