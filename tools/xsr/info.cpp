// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr info: a page of facts about a saved file.
#include "libsr/base/fd_io.hpp"
#include "libsr/verify/verify.hpp"
#include "tools/xsr/facts.hpp"
#include "tools/xsr/input_file.hpp"
#include "tools/xsr/judgement.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

namespace sr {
namespace {

/// The class of the failure that a finding is, as those that are thrown have it.
const char* class_of(ExitCode code) noexcept
{
    if (code == ExitCode::io) {
        return to_string(Errc::io);
    }
    return to_string(code == ExitCode::unsupported ? Errc::unsupported : Errc::malformed);
}

class Info final : public Verb {
public:
    void define(CLI::App& command) override
    {
        command.add_option("FILE", file_, "The saved file; - is standard input")->required();
        command.footer(
            "Reads all of it: how the guest was saved and where, its memory, its vCPUs, and\n"
            "whether the file is whole. The exit status is that of \"xsr verify\", except that\n"
            "deviations do not count.\n\n"
            "  xsr info web.xl\n"
            "  xsr info --json web.xl | jq .memory");
    }

    [[nodiscard]] ExitCode run(Console& console) override
    {
        const InputFile file{file_};
        FdSource source{file.fd()};
        const VerifyReport report = verify_stream(source);
        if (!report.summary.image && !report.findings.empty()) {  // nothing to tell facts of
            const ExitCode code = exit_code_of(report);
            return console.fail({code, class_of(code),
                                 file.name() + ": " + report.findings.front().sentence, "",
                                 Json::object()});
        }
        if (console.options().is_json) {
            console.result(facts_json(report, file.name()));
        } else {
            console.print(facts_text(report, file.name()));
        }
        return report.nr_errors == 0 ? ExitCode::ok : exit_code_of(report);
    }

private:
    std::string file_;
};

}  // namespace

std::unique_ptr<Verb> make_info()
{
    return std::make_unique<Info>();
}

}  // namespace sr
