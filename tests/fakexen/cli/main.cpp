// SPDX-License-Identifier: LGPL-2.1-or-later
// fakexen: starts, looks at and stops Xen hosts in user space.
#include "libsr/base/error.hpp"
#include "tests/fakexen/cli/options.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace fakexen::cli;

void add_start_options(CLI::App& app, StartOptions& options)
{
    app.add_option("HOST", options.host,
                   "the host's directory, made if it is not there (Env:FAKEXEN_HOST)")
        ->required(options.host.empty());
    app.add_option("--memory", options.memory, "machine memory, with K, M or G")
        ->capture_default_str();
    app.add_option("--seed", options.seed, "of the shuffled free list")->capture_default_str();
    app.add_option("--shuffle", options.shuffle,
                   "how frames are handed out: page, run:N (N stay together), none")
        ->capture_default_str();
    app.add_option("--trace", options.trace_file, "write each call to this file");
    app.add_option("--guest-program", options.guest_program,
                   "plays the CPUs of fakexen guests (default: fakexen-guest beside this program)");
    app.add_flag("--step", options.step_mode, "guests run only as `fakexen step` says");
    app.add_flag("--resident", options.resident,
                 "take all memory at once, and keep it, as a machine does");
    app.add_option(
           "--quirk", options.quirks,
           "differs from Xen 4.17, may be given more than once: stale-types (a de-validated "
           "page table keeps its type, as before Xen 4.16), no-gup (clients cannot pin guest "
           "memory: vmsplice, O_DIRECT and the like fail), eager-status (the array that tracks a "
           "domain's grant status frames is made with the domain), grant-frames:N, "
           "grant-version:N (what a grant table may have at most), latency:CALL:US (answers to "
           "such calls come later)")
        ->allow_extra_args(false);
    app.add_flag("--no-xsave", options.no_xsave, "a host without xsave, as qemu64 is");
}

using Control = int (*)(const ControlOptions&);

CLI::App* add_control(CLI::App& app, const char* name, const char* help, ControlOptions& options,
                      int& result, Control run)
{
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("--host", options.host, "the host's directory (Env:FAKEXEN_HOST)");
    command->add_flag("--json", options.json, "print the host's answer as JSON");
    command->callback([&options, &result, run] { result = run(options); });
    return command;
}

void add_commands(CLI::App& app, ControlOptions& options, int& result)
{
    (void)add_control(app, "list", "lists the domains", options, result, list);
    add_control(app, "show", "shows one domain", options, result, show)
        ->add_option("DOMID", options.domid)
        ->required();
    add_control(app, "frame", "shows all about one machine frame", options, result, frame)
        ->add_option("MFN", options.mfn, "decimal or 0x…")
        ->required();
    add_control(app, "adopt",
                "does to a restored domain what its Linux would do to be suspended again, prints "
                "each change",
                options, result, adopt)
        ->add_option("DOMID", options.domid)
        ->required();
    CLI::App* step_command =
        add_control(app, "step", "lets a guest run for N quanta", options, result, step);
    step_command->add_option("DOMID", options.domid)->required();
    step_command->add_option("N", options.steps)->capture_default_str();
    (void)add_control(app, "calls", "prints the calls the host was asked", options, result, calls);
    CLI::App* fail_command = add_control(
        app, "fail", "has calls of a client fail, counted from now on", options, result, fail);
    fail_command->add_option("PID", options.process)->required();
    fail_command->add_option("CUES", options.cues,
                             "call:nth:errno, several with commas; none: nothing fails any more");
    CLI::App* stop_command = add_control(
        app, "stop", "stops the host and reports what is left over; exits with 97 on leaks",
        options, result, stop);
    stop_command->add_option("HOST", options.host);
    stop_command->add_flag("--strict", options.strict, "domains still there are leaks");
}

/// Parses the command line and does what it says. @return the exit code
int obey(int argc, char** argv)
{
    CLI::App app{"A Xen host in user space: a hypervisor model under the real libxenctrl."};
    app.name("fakexen");
    app.require_subcommand(1);
    // Not by envname(): CLI11 would let the commands that were not given overwrite what the one that was has read.
    const char* const host = std::getenv("FAKEXEN_HOST");
    StartOptions start_options{.host = host != nullptr ? host : ""};
    ControlOptions control_options{.host = start_options.host};
    int result = 0;
    CLI::App* start_command =
        app.add_subcommand("start", "starts a host and returns once it is ready");
    add_start_options(*start_command, start_options);
    start_command->add_flag("--foreground", start_options.foreground, "stay, log to the terminal");
    start_command->callback([&] { result = start(start_options); });
    CLI::App* run_command =
        app.add_subcommand("run", "runs a host for as long as COMMAND lives, with FAKEXEN_HOST and "
                                  "LD_LIBRARY_PATH set for it; "
                                  "exits with its code, or with 97 if the host found leaks");
    add_start_options(*run_command, start_options);
    run_command->add_flag("--strict", start_options.strict, "domains still there are leaks");
    run_command->add_option("COMMAND", start_options.command, "after --")->required();
    run_command->callback([&] { result = run(start_options); });
    add_commands(app, control_options, result);
    try {
        app.parse(argc, argv);
        return result;
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        return code == 0 ? 0 : static_cast<int>(ExitCode::usage);
    }
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return obey(argc, argv);
    } catch (const std::exception& e) {
        (void)std::fprintf(stderr, "fakexen: %s\n", e.what());
        return static_cast<int>(ExitCode::failure);
    }
}
