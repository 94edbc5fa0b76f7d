// SPDX-License-Identifier: LGPL-2.1-or-later
// How --help looks.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace sr {

/// CLI11's layout without what distracts: "TEXT", "REQUIRED", "Excludes:"; wrapped to 80 columns.
class HelpFormatter : public CLI::Formatter {
public:
    HelpFormatter();
    [[nodiscard]] std::string make_usage(const CLI::App* app, std::string name) const override;
    [[nodiscard]] std::string make_option(const CLI::Option* option,
                                          bool is_positional) const override;
    [[nodiscard]] std::string make_subcommand(const CLI::App* sub) const override;
};

}  // namespace sr
