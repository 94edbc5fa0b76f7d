// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr verify: every deviation of a saved file from the specification, and a verdict.
#include "libsr/verify/verify.hpp"

#include "libsr/base/fd_io.hpp"
#include "tools/xsr/input_file.hpp"
#include "tools/xsr/judgement.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

namespace sr {
namespace {

class Verify final : public Verb {
public:
    void define(CLI::App& command) override;
    [[nodiscard]] ExitCode run(Console& console) override;

private:
    std::string file_;
    bool is_checkpointed_ = false;
    bool is_quiet_ = false;
};

void Verify::define(CLI::App& command)
{
    command.add_option("FILE", file_, "The saved file; - is standard input")->required();
    command.add_flag("--checkpointed", is_checkpointed_,
                     "A Remus or COLO stream: CHECKPOINT records are in order");
    command.add_flag("-q,--quiet", is_quiet_, "Say nothing; the exit status tells");
    command.footer(
        "Reads all of it and names each deviation with its record number and offset. An\n"
        "error makes a restore refuse the file; a deviation is against the\n"
        "specification, but a restore lets it pass.\n\n"
        "Exit status: 0 no deviation, 1 deviations only, 3 the file ends early, 4 errors,\n"
        "5 something that no reader of today knows, or another format.\n\n"
        "  xsr verify web.xl\n"
        "  ssh host cat /var/save/web.xl | xsr verify --json - | jq .findings");
}

ExitCode Verify::run(Console& console)
{
    const InputFile file{file_};
    FdSource source{file.fd()};
    VerifyOptions options;
    options.kind = is_checkpointed_ ? StreamKind::checkpointed : StreamKind::plain;
    const VerifyReport report = verify_stream(source, options);
    if (is_quiet_) {
        return exit_code_of(report);
    }
    if (console.options().is_json) {
        console.result(judgement_json(report, file.name()));
        return exit_code_of(report);
    }
    for (const Finding& finding : report.findings) {
        console.print(finding_line(finding) + "\n");
    }
    const std::uint64_t all = report.nr_errors + report.nr_deviations;
    if (all > report.findings.size()) {
        console.print("… and " + format_count(all - report.findings.size()) + " more\n");
    }
    console.print(file.name() + ": " + verdict(report) + "\n");
    return exit_code_of(report);
}

}  // namespace

std::unique_ptr<Verb> make_verify()
{
    return std::make_unique<Verify>();
}

}  // namespace sr
