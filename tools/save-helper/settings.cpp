// SPDX-License-Identifier: LGPL-2.1-or-later
// CLI11 over a configuration file and a string.
#include "tools/save-helper/settings.hpp"

#include "libsr/base/error.hpp"
#include "tools/xsr/choice_option.hpp"
#include "tools/xsr/help.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace sr {
namespace {

constexpr const char* default_file = SR_SYSCONFDIR "/libsr/save-helper.conf";

class HelperFormatter final : public HelpFormatter {
public:
    [[nodiscard]] std::string make_usage(const CLI::App* /*app*/, std::string name) const override
    {
        return "Usage: " + name +
               " --save-domain FD BACK DOMID FLAGS CALLBACKS TYPE\n"
               "       " +
               name +
               " --restore-domain FD BACK DOMID STORE_PORT STORE_DOMID\n"
               "           CONSOLE_PORT CONSOLE_DOMID CALLBACKS TYPE\n";
    }
};

/// CLI11 makes one list of lines for an option that follow each other, and of others it takes the first. Here each is a line
/// of its own, and the last one counts, as when somebody appends to the file.
class LastLineCounts final : public CLI::ConfigBase {
public:
    [[nodiscard]] std::vector<CLI::ConfigItem> from_config(std::istream& file) const override
    {
        std::vector<CLI::ConfigItem> kept;
        for (std::string line; std::getline(file, line);) {
            std::istringstream alone{line};
            for (CLI::ConfigItem& item : ConfigBase::from_config(alone)) {
                if (item.inputs.size() > 1) {
                    throw Error{Errc::usage, "%s: takes one value: %s", item.fullname().c_str(),
                                line.c_str()};
                }
                const auto is_same = [&](const CLI::ConfigItem& earlier) {
                    return earlier.fullname() == item.fullname();
                };
                kept.erase(std::remove_if(kept.begin(), kept.end(), is_same), kept.end());
                kept.push_back(std::move(item));
            }
        }
        return kept;
    }
};

void define_engine_options(CLI::App& app, Settings& settings)
{
    add_choice<sr_stale_types>(
        app, "--stale-types", settings.stale_types,
        {{"auto", SR_STALE_TYPES_AUTO}, {"on", SR_STALE_TYPES_ON}, {"off", SR_STALE_TYPES_OFF}},
        "Find page tables that Xen reports though they are none: auto (on Xen before 4.16), on, "
        "off")
        ->type_name("MODE");
    app.add_option("--max-rounds", settings.max_rounds,
                   "Rounds over memory, at most, before a guest that is saved live is suspended "
                   "(default 5)")
        ->type_name("N")
        ->check(CLI::Range(1U, 1000U).description(""));
    app.add_option("--dirty-threshold", settings.dirty_threshold,
                   "Suspend it once fewer pages than this are dirty (default 50)")
        ->type_name("PAGES")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U).description(""));
    app.add_flag("--grants", settings.grants,
                 "Record a guest's grant table when it is saved, for the destination to check");
    app.add_option("--max-grant-version", settings.max_grant_version,
                   "The version of grant tables that domains here may use, 1 or 2: a guest that "
                   "uses more, by its record, is refused (default: not known)")
        ->type_name("N")
        ->check(CLI::Range(1U, 2U).description(""));
}

void define(CLI::App& app, Settings& settings)
{
    app.option_defaults()->take_last();
    define_engine_options(app, settings);
    add_choice<sr_log_level>(app, "--log-level", settings.log_level,
                             {{"debug", SR_LOG_DEBUG},
                              {"verbose", SR_LOG_VERBOSE},
                              {"info", SR_LOG_INFO},
                              {"warning", SR_LOG_WARNING},
                              {"error", SR_LOG_ERROR}},
                             "Tell libxl what is at least this: debug, verbose, info, warning or "
                             "error; libxl sieves once more (default debug)")
        ->type_name("LEVEL");
    app.add_option("--fallback", settings.fallback,
                   "The save helper to become for a domain or stream that libsr does not take "
                   "(default none: refuse it)")
        ->type_name("PROGRAM")
        ->check(CLI::Validator{[](const std::string& path) {
                                   return path.empty() || path.front() == '/'
                                              ? std::string{}
                                              : "'" + path + "' does not begin with a '/'";
                               },
                               ""});
    app.set_config("--config", default_file, "Read options from this file");
    app.get_config_ptr()->type_name("FILE");
    app.config_formatter(std::make_shared<LastLineCounts>());
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.formatter(std::make_shared<HelperFormatter>());
}

/// A quote that is not closed would make one word of all that follows it.
bool has_open_quote(std::string_view words) noexcept
{
    char open = 0;
    for (const char c : words) {
        if (open == 0 && (c == '"' || c == '\'' || c == '`')) {
            open = c;
        } else if (c == open) {
            open = 0;
        }
    }
    return open != 0;
}

/// CLI11 passes over a default file that it cannot open. One that is there was meant.
void check_readable(const CLI::App& app)
{
    if (app.get_config_ptr()->count() != 0 || ::access(default_file, F_OK) != 0) {
        return;
    }
    if (!std::ifstream{default_file} || std::filesystem::is_directory(default_file)) {
        throw Error{Errc::usage, "%s is there, but cannot be read", default_file};
    }
}

/// What is to be said of an option in the file that nobody knows: CLI11 calls that "INI was not able to parse".
std::string complaint_of(const CLI::ConfigError& error)
{
    const std::string text = error.what();
    return "no such option: " + text.substr(text.find_last_of(' ') + 1);
}

/// What is to be said before the mistake.
std::string origin(const CLI::App& app)
{
    const bool has_file = app.get_config_ptr()->count() > 0;
    const std::string file =
        has_file ? app.get_config_ptr()->as<std::string>() : std::string{default_file};
    return "options of libsr-save-helper, from " + file + " or " + settings_variable;
}

}  // namespace

Settings read_settings(const char* words)
{
    Settings settings;
    CLI::App app{"", "libsr-save-helper"};
    app.set_help_flag();
    define(app, settings);
    if (words != nullptr && has_open_quote(words)) {
        throw Error{Errc::usage, "%s: a quote is not closed: %s", settings_variable, words};
    }
    try {
        app.parse(words == nullptr ? "" : words, false);
    } catch (const Error& error) {
        throw Error{Errc::usage, "%s: %s", origin(app).c_str(), error.what()};
    } catch (const CLI::ConfigError& error) {
        throw Error{Errc::usage, "%s: %s", origin(app).c_str(), complaint_of(error).c_str()};
    } catch (const CLI::Error& error) {
        throw Error{Errc::usage, "%s: %s", origin(app).c_str(), error.what()};
    }
    check_readable(app);
    return settings;
}

std::string help_text()
{
    Settings settings;
    CLI::App app{"Saves and restores Xen domains for libxl, which starts it if the environment\n"
                 "variable LIBXL_SAVE_HELPER names it, and talks to it on standard input and\n"
                 "output. Not a program to be started by hand: that is xsr.",
                 "libsr-save-helper"};
    app.set_help_flag("-h,--help", "Show this");
    app.set_version_flag("--version", "", "Show the version");
    define(app, settings);
    app.footer(
        std::string{"Options stand in the file as \"stale-types = on\", and in the environment\n"
                    "variable "} +
        settings_variable +
        " as \"--stale-types on\". The variable wins. Of an option\n"
        "that stands there twice the last counts.\n"
        "The file, if there is no other: " +
        default_file +
        "\n\nExit status:\n"
        "    0  libxl was told how it ended, well or not\n"
        "    1  a defect of libsr-save-helper, or no memory\n"
        "    2  arguments that make no sense\n"
        "  254  libxl answers no more; what was begun was stopped\n"
        "  255  libxl listens no more; the same");
    return app.help();
}

}  // namespace sr
