// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr: finds the verb, runs it, and turns what it throws into one sentence and an exit status.
#include "tools/xsr/choice_option.hpp"
#include "tools/xsr/engine_log.hpp"
#include "tools/xsr/help.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <clocale>
#include <cstdio>
#include <string>

namespace sr {
namespace {

struct VerbEntry {
    const char* name;
    const char* summary;
    std::unique_ptr<Verb> (*make)();
};

constexpr std::array verbs = {
    VerbEntry{"save", "Save a domain to a file", &make_save},
    VerbEntry{"restore", "Make a domain from a saved file", &make_restore},
    VerbEntry{"list", "List the domains of this host, and the state they are in", &make_list},
    VerbEntry{"resume", "Let a suspended or paused domain go on", &make_resume},
    VerbEntry{"destroy", "End a domain", &make_destroy},
    VerbEntry{"info", "Tell what a saved file holds", &make_info},
    VerbEntry{"verify", "Judge a saved file against the specification", &make_verify},
    VerbEntry{"show", "Show a saved file's records, or one of its pages", &make_show},
    VerbEntry{"diff", "Compare the guests in two saved files", &make_diff},
    VerbEntry{"grants", "Tell what a domain, or the guest in a saved file, shares", &make_grants},
};

/// A verb, ready to be parsed for.
struct Registered {
    CLI::App* command = nullptr;
    std::unique_ptr<Verb> verb;
    std::unique_ptr<Console> console;
};

void add_common_options(CLI::App& command, CommonOptions& common)
{
    command.add_flag("--json", common.is_json, "Write results, and failures, as JSON");
    const std::string name = command.get_name();
    if (name == "save" || name == "restore") {
        add_choice<ProgressMode>(
            command, "--progress", common.progress,
            {{"auto", ProgressMode::automatic},
             {"bar", ProgressMode::bar},
             {"json", ProgressMode::json},
             {"none", ProgressMode::none}},
            "bar, json (a line a second on standard error), none, or auto: a bar on a "
            "terminal, JSON elsewhere")
            ->type_name("MODE");
        command.add_flag("-v,--verbose", common.is_verbose, "Say what the engine does");
    }
}

Registered register_verb(CLI::App& app, const VerbEntry& entry)
{
    Registered made;
    made.command = app.add_subcommand(entry.name, entry.summary)->group("Verbs");
    made.verb = entry.make();
    made.console = std::make_unique<Console>(entry.name);
    made.verb->define(*made.command);
    add_common_options(*made.command, made.console->options());
    return made;
}

ExitCode run_guarded(Verb& verb, Console& console)
{
    try {
        const ExitCode code = verb.run(console);
        console.flush();
        return code;
    } catch (const std::exception&) {
        Failure failure = current_failure();
        failure.exit_code = verb.trouble(failure.exit_code);
        return console.fail(failure);
    }
}

/// What is wrong with a command line that has no verb.
std::string verb_complaint(int argc, char** argv)
{
    std::string known;
    for (const VerbEntry& entry : verbs) {
        known += (known.empty() ? "" : ", ") + std::string{entry.name};
    }
    if (argc < 2) {
        return "say what to do: " + known;
    }
    return "there is no verb '" + std::string{argv[1]} + "', but " + known;
}

/// What CLI11 throws: help to be shown, or a mistake on the command line.
int report_parse(const CLI::App& app, const CLI::ParseError& error, const std::string& complaint)
{
    if (error.get_exit_code() == 0) {
        return app.exit(error);
    }
    std::string command = "xsr";
    if (app.get_subcommands().empty()) {
        (void)std::fprintf(stderr, "xsr: %s (see xsr --help)\n", complaint.c_str());
        return static_cast<int>(ExitCode::usage);
    }
    for (const CLI::App* sub : app.get_subcommands()) {
        command += ' ' + sub->get_name();
    }
    (void)std::fprintf(stderr, "%s: %s (see %s --help)\n", command.c_str(), error.what(),
                       command.c_str());
    return static_cast<int>(ExitCode::usage);
}

int run(int argc, char** argv)
{
    CLI::App app{"Saves and restores Xen domains, and looks into saved files.", "xsr"};
    app.set_version_flag("--version", std::string{"xsr "} + sr_version(), "Show the version");
    app.set_help_flag("-h,--help", "Show this");
    app.formatter(std::make_shared<HelpFormatter>());
    app.require_subcommand(1);
    app.footer(std::string{"\"xsr VERB --help\" tells about a verb.\n\n"} + exit_codes_help());
    std::array<Registered, verbs.size()> registered;
    for (std::size_t i = 0; i < verbs.size(); ++i) {
        registered.at(i) = register_verb(app, verbs.at(i));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return report_parse(app, error, verb_complaint(argc, argv));
    }
    for (const Registered& each : registered) {
        if (each.command->parsed()) {
            return static_cast<int>(run_guarded(*each.verb, *each.console));
        }
    }
    return static_cast<int>(ExitCode::usage);
}

}  // namespace
}  // namespace sr

int main(int argc, char** argv)
{
    (void)std::setlocale(LC_CTYPE, "");
    try {
        return sr::run(argc, argv);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "xsr: %s\n", error.what());
        return static_cast<int>(sr::ExitCode::internal);
    }
}
