// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr list: the domains of this host, and which of them a cut-off save or restore left behind.
#include "tools/toolstack/toolstack.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

#include <cinttypes>

namespace sr {
namespace {

constexpr std::uint64_t pages_per_mib = 256;

std::string state_text(const NamedDomain& domain)
{
    return domain.saver ? format("%s (pid %d)", word_for(domain), *domain.saver) : word_for(domain);
}

class List final : public Verb {
public:
    void define(CLI::App& command) override
    {
        command.footer(
            "States: running, paused, suspended (by a save that was cut off, or by a toolstack\n"
            "that goes on: if none does, \"xsr resume\", or save it again), being saved (by that\n"
            "process), incomplete (a restore makes it, or was cut off: if none is under way,\n"
            "\"xsr destroy\"), shut down, crashed, dying.\n\n"
            "  xsr list\n"
            "  xsr list --json | jq -r '.[] | select(.state == \"suspended\").name'");
    }

    [[nodiscard]] ExitCode run(Console& console) override
    {
        Toolstack toolstack;
        Json all = Json::array();
        std::string text =
            format("%5s  %-24s %-10s %9s %6s\n", "domid", "name", "state", "MiB", "vCPUs");
        for (const NamedDomain& domain : toolstack.list()) {
            const DomainState& state = domain.state;
            const std::uint64_t mib = (state.nr_pages + pages_per_mib / 2) / pages_per_mib;
            text += format("%5u  %-24s %-10s %9" PRIu64 " %6u\n", state.id,
                           domain.name.empty() ? "-" : domain.name.c_str(),
                           state_text(domain).c_str(), mib, state.max_vcpus);
            all.push_back({{"domid", state.id},
                           {"name", domain.name},
                           {"uuid", to_string(state.uuid)},
                           {"state", word_for(domain)},
                           {"memory-mib", mib},
                           {"vcpus", state.max_vcpus}});
            if (domain.saver) {
                all.back()["saver-pid"] = *domain.saver;
            }
        }
        if (console.options().is_json) {
            console.result(all);
        } else {
            console.print(text);
        }
        return ExitCode::ok;
    }
};

}  // namespace

std::unique_ptr<Verb> make_list()
{
    return std::make_unique<List>();
}

}  // namespace sr
