// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr destroy: ends a domain, such as one that a cut-off restore left.
#include "tools/toolstack/saver_mark.hpp"
#include "tools/toolstack/toolstack.hpp"
#include "tools/xsr/units.hpp"
#include "tools/xsr/verb.hpp"

#include <CLI/CLI.hpp>

namespace sr {
namespace {

class Destroy final : public Verb {
public:
    void define(CLI::App& command) override
    {
        command.add_option("DOMAIN", domain_, "Name or number of the domain")->required();
        command.footer(
            "The domain ends at once, without being asked, and what xenstore holds of it is\n"
            "removed. Devices are xl's part: a domain that has some is for \"xl destroy\".\n\n"
            "  xsr list           shows which domain is incomplete\n"
            "  xsr destroy web");
    }

    [[nodiscard]] ExitCode run(Console& console) override
    {
        Toolstack toolstack;
        const auto domain = toolstack.find(domain_);
        if (!domain) {
            return console.fail(no_such_domain(domain_));
        }
        const DomId domid = domain->state.id;
        if (domid == 0) {
            throw Error{Errc::guest, "domain 0 is the host itself"};
        }
        check_not_being_saved(*domain);
        toolstack.destroy(domid);
        const auto left = toolstack.control().state_of(domid);
        const bool is_there = left && left->uuid == domain->state.uuid;
        if (console.options().is_json) {
            console.result(
                {{"domid", domid}, {"name", domain->name}, {"state", is_there ? "dying" : "gone"}});
        } else {
            console.print(label_of(*domain) + (is_there
                                                   ? " is dying: somebody still maps its memory\n"
                                                   : " is gone\n"));
        }
        return ExitCode::ok;
    }

private:
    std::string domain_;
};

}  // namespace

std::unique_ptr<Verb> make_destroy()
{
    return std::make_unique<Destroy>();
}

}  // namespace sr
