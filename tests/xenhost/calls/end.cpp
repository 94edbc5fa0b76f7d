// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains that die while something holds them.
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {

void try_end(Machine& machine)
{
    Domain domain{machine};
    domain.populate();
    tell(domain.pin(4, 1), "pinning an empty L4");
    {
        const Mapping mapping{
            machine, domain.id(), PROT_READ | PROT_WRITE, {domain.mfn(2), domain.mfn(3)}};
        const Mapping table{machine, domain.id(), PROT_READ, {domain.mfn(1)}};
        tell(domain.domctl(XEN_DOMCTL_destroydomain),
             "domctl destroydomain with three frames mapped");
        const auto info = domain.info();
        say("  is it still this one: %s; flags %#x, tot_pages %lu",
            info.domain == domain.id() ? "yes" : "no", info.flags & XEN_DOMINF_dying,
            info.tot_pages);
        say("  types: mapped %s, not mapped %s, table %s", domain.type(2).c_str(),
            domain.type(4).c_str(), domain.type(1).c_str());
        tell(domain.domctl(XEN_DOMCTL_destroydomain), "domctl destroydomain again");
        const Mapping again{machine, domain.id(), PROT_READ, {domain.mfn(2)}};
        tell(again.error(0), "mapping a frame of it");
        std::vector<xen_pfn_t> pfns = {100};
        tell(domain.populate(pfns), "populate_physmap");
        tell(domain.decrease({domain.mfn(2)}), "decrease_reservation of a mapped frame");
        tell(domain.pin(1, 2), "pinning a mapped frame");
        xen_domctl op = {};
        op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
        tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op enable_logdirty");
        tell(domain.domctl(XEN_DOMCTL_pausedomain), "domctl pausedomain");
        tell(domain.domctl(XEN_DOMCTL_unpausedomain), "domctl unpausedomain");
        tell(domain.domctl(XEN_DOMCTL_resumedomain), "domctl resumedomain");
        tell(domain.domctl(XEN_DOMCTL_get_address_size), "domctl get_address_size");
        op = {};
        op.u.getvcpuinfo.vcpu = 0;
        tell(domain.domctl(XEN_DOMCTL_getvcpuinfo, op), "domctl getvcpuinfo");
        mapping.words()[0] = 1;
        say("  a mapped frame can be written");
    }
    for (int tries = 0; tries < 1000 && domain.info().domain == domain.id(); ++tries) {
    }
    tell(domain.domctl(XEN_DOMCTL_destroydomain), "domctl destroydomain when all is let go");
    tell(domain.domctl(XEN_DOMCTL_get_address_size), "domctl get_address_size");
}

}  // namespace calls
