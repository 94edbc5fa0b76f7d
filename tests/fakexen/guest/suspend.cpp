// SPDX-License-Identifier: LGPL-2.1-or-later
// The two sides of a suspend (xen/sched.h, SCHEDOP_shutdown).
#include "tests/fakexen/guest/suspend.hpp"

#include "tests/fakexen/guest/grant_mapper.hpp"
#include "tests/fakexen/guest/granter.hpp"
#include "tests/fakexen/guest/grants.hpp"
#include "tests/fakexen/guest/p2m_publish.hpp"
#include "tests/fakexen/guest/vcpu_info.hpp"
#include "tests/fakexen/guest/vcpu_state.hpp"
#include "tests/fakexen/guest/vcpus.hpp"
#include "tests/fakexen/guest/verify.hpp"

namespace fakexen::guest {

namespace {

/// start_info speaks of frames; its reader in another domain needs pfns.
void translate_start_info(const Kernel& kernel, bool to_pfns)
{
    const Places& at = kernel.state.places;
    const StartInfoFields& fields = kernel.abi().start_info;
    kernel.set_start_info(fields.store_mfn, to_pfns ? at.store_ring : kernel.p2m(at.store_ring));
    kernel.set_start_info(fields.console_mfn,
                          to_pfns ? at.console_ring : kernel.p2m(at.console_ring));
}

std::vector<std::string> wrong_start_info(const Kernel& kernel)
{
    std::vector<std::string> wrong;
    const Places& at = kernel.state.places;
    const auto expect = [&](const char* name, Field field, std::uint64_t want) {
        const std::uint64_t got = kernel.start_info(field);
        if (got != want) {
            wrong.push_back(std::string{"start_info's "} + name + " is " + std::to_string(got) +
                            ", not " + std::to_string(want));
        }
    };
    expect("store_mfn", kernel.abi().start_info.store_mfn, kernel.p2m(at.store_ring));
    expect("console mfn", kernel.abi().start_info.console_mfn, kernel.p2m(at.console_ring));
    return wrong;
}

/// The ports that start_info names are there, and somebody in dom0 is or will be at their other end.
std::vector<std::string> wrong_ports(const Kernel& kernel)
{
    std::vector<std::string> wrong;
    const std::pair<const char*, std::uint32_t> ports[] = {{"store", kernel.store_port()},
                                                           {"console", kernel.console_port()}};
    for (const auto& [name, port] : ports) {
        evtchn_status_t status = {};
        status.dom = DOMID_SELF;
        status.port = port;
        const auto result = kernel.machine().hypercall(__HYPERVISOR_event_channel_op,
                                                       {EVTCHNOP_status, address_of(&status)});
        const bool open =
            status.status == EVTCHNSTAT_unbound || status.status == EVTCHNSTAT_interdomain;
        if (result < 0 || !open) {
            wrong.push_back(std::string{"event channel "} + std::to_string(port) + " of the " +
                            name + " is not open");
        }
    }
    return wrong;
}

}  // namespace

void suspend(Kernel& kernel)
{
    publish_p2m(kernel);
    kernel.print("suspending");
    unmap_granted_page(kernel);
    if ((kernel.state.settings.workload & workload_keep_grant) == 0) {
        let_go_of_grants(kernel);
    }
    suspend_grants(kernel);
    translate_start_info(kernel, true);
    if ((kernel.state.settings.workload & workload_keep_shared_info) == 0) {
        unmap_shared_info(kernel);
    }
    ++kernel.state.nr_suspends;
    kernel.state.start_info_mfn = kernel.p2m(kernel.state.places.start_info);
    write_registers(kernel, Marker::suspended);
    kernel.save();
    sched_shutdown_t shutdown = {SHUTDOWN_suspend};
    must(kernel.machine().hypercall(
             __HYPERVISOR_sched_op,
             {SCHEDOP_shutdown, address_of(&shutdown), kernel.p2m(kernel.state.places.start_info)}),
         "SCHEDOP_shutdown");
}

void shut_down(const Kernel& kernel, unsigned reason)
{
    kernel.save();
    sched_shutdown_t shutdown = {reason};
    must(kernel.machine().hypercall(__HYPERVISOR_sched_op,
                                    {SCHEDOP_shutdown, address_of(&shutdown)}),
         "SCHEDOP_shutdown");
}

void resume(Kernel& kernel, std::uint64_t rax)
{
    const bool cancelled = rax != 0;
    const bool same_domain =
        cancelled || kernel.p2m(kernel.state.places.start_info) == kernel.state.start_info_mfn;
    if (cancelled) {
        translate_start_info(kernel, false);
    }
    auto wrong = wrong_registers(kernel, same_domain && !cancelled);
    for (const auto& more : {wrong_start_info(kernel), wrong_ports(kernel),
                             wrong_vcpu_state(kernel), resume_grants(kernel, same_domain)}) {
        wrong.insert(wrong.end(), more.begin(), more.end());
    }
    map_shared_info(kernel);
    publish_p2m(kernel);
    if (!cancelled) {
        place_vcpu_info(kernel, same_domain);
    }
    if (same_domain && !cancelled) {
        start_vcpus(kernel);
    }
    kernel.state.store_ready = cancelled ? kernel.state.store_ready : 0;
    kernel.state.store_pause = 0;
    check_everything(kernel, std::move(wrong));
    kernel.print("resumed: " + verdict_of(kernel.state));
}

}  // namespace fakexen::guest
