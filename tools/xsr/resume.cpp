// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr resume: a domain that a save was cut off from goes on.
#include "tools/toolstack/saver_mark.hpp"
#include "tools/toolstack/toolstack.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

namespace sr {
namespace {

class Resume final : public Verb {
public:
    void define(CLI::App& command) override
    {
        command.add_option("DOMAIN", domain_, "Name or number of the domain")->required();
        command.footer(
            "A suspended domain goes on where it suspended, and a paused one is unpaused: what\n"
            "is to be done when xsr save was killed or its host lost power to it. Its guest is\n"
            "whole as long as the domain is there. If the file of that save was completed and\n"
            "is restored elsewhere, one of the two must not run.\n\n"
            "  xsr list           shows which domain is suspended\n"
            "  xsr resume web");
    }

    [[nodiscard]] ExitCode run(Console& console) override
    {
        Toolstack toolstack;
        const auto domain = toolstack.find(domain_);
        if (!domain) {
            return console.fail(no_such_domain(domain_));
        }
        check(*domain);
        const DomainState& state = domain->state;
        if (state.is_suspended()) {
            toolstack.resume(state.id);
        }
        if (state.is_paused) {
            toolstack.control().unpause(state.id);
        }
        if (console.options().is_json) {
            console.result({{"domid", state.id}, {"name", domain->name}, {"state", "running"}});
        } else {
            console.print(label_of(*domain) + " runs\n");
        }
        return ExitCode::ok;
    }

private:
    /// @throws Error{guest} for a domain that cannot go on, or need not
    static void check(const NamedDomain& domain)
    {
        const DomainState& state = domain.state;
        const std::string label = label_of(domain);
        check_not_being_saved(domain);
        if (domain.is_incomplete) {
            throw Error{Errc::guest,
                        "%s is incomplete: a restore makes it, or was cut off; if none is "
                        "under way, xsr destroy %u",
                        label.c_str(), state.id};
        }
        if (state.is_suspended() && state.is_hvm) {
            throw Error{Errc::guest,
                        "%s is an HVM or PVH guest, and xsr lets only PV guests go on that are "
                        "suspended: libxl can (since Xen 4.20: xl resume %u)",
                        label.c_str(), state.id};
        }
        if (state.is_dying || (!state.is_suspended() && state.shutdown)) {
            throw Error{Errc::guest, "%s is %s: there is nothing to go on with", label.c_str(),
                        word_for(domain)};
        }
        if (!state.is_suspended() && !state.is_paused) {
            throw Error{Errc::guest, "%s runs already", label.c_str()};
        }
    }

    std::string domain_;
};

}  // namespace

std::unique_ptr<Verb> make_resume()
{
    return std::make_unique<Resume>();
}

}  // namespace sr
