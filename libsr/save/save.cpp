// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving a domain: is it one, and how is it to be saved.
#include "libsr/save/save.hpp"

#include "libsr/save/guest_state.hpp"
#include "libsr/save/pv_save.hpp"

namespace sr {
namespace {

/// A save that suspends the guest late must know early that it can.
void require_suspend(const Domain& domain, const DomainInfo& info, const SaveSettings& settings,
                     const SaveCaller& caller)
{
    const bool is_checkpointed = settings.kind == StreamKind::checkpointed;
    if (!caller.can_suspend() && (!info.suspended() || is_checkpointed)) {
        throw Error{Errc::usage, "domain %u has to be suspended, and there is no operation for it",
                    domain.domid()};
    }
}

}  // namespace

void save_domain(const Host& host, std::uint32_t domid, Sink& sink, const SaveSettings& settings,
                 SaveCaller& caller, Logger& log)
{
    const Domain domain{host, domid};
    DomainInfo info = savable_info(domain);
    require_suspend(domain, info, settings, caller);
    if (!settings.live && !info.suspended()) {
        info = suspended_info(domain, caller);
    }
    caller.progress({.phase = Phase::setup});  // from here on the stream is written
    PvSave{domain, info, sink, settings, caller, log}.run();
}

}  // namespace sr
