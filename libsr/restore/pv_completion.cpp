// SPDX-License-Identifier: LGPL-2.1-or-later
// Completing a PV domain, step by step.
#include "libsr/restore/pv_completion.hpp"

#include "libsr/mem/shared_info.hpp"
#include "libsr/mem/start_info.hpp"
#include "libsr/mem/vcpu_context.hpp"
#include "libsr/xen/grant_seed.hpp"
#include "libsr/xen/guest_frames.hpp"
#include "libsr/xen/vcpu_state.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {
namespace {

constexpr std::size_t p2m_frames_per_mapping = 1024;

const VcpuBlobs& first_vcpu(const VcpuRecords& vcpus)
{
    const auto found = vcpus.all().find(0);
    if (found == vcpus.all().end() || found->second.basic.empty()) {
        throw Error{Errc::malformed, "the stream ends without the registers of vCPU 0"};
    }
    return found->second;
}

void write_shared_info(const PvDestination& to, const PvState& pv, GuestMemory& memory)
{
    const Mfn frame = to.info.shared_info;
    const ForeignMapping page = map_frames(memory.mapper(), {&frame, 1}, Access::read_write);
    restore_shared_info(page.page(0).first<page_size>(),
                        std::span<const std::byte>{pv.shared_info}.first<page_size>(), pv.abi);
}

StartInfoFrames write_start_info(const PvDestination& to, const PvState& pv, GuestMemory& memory,
                                 Mfn frame)
{
    const ForeignMapping page = map_frames(memory.mapper(), {&frame, 1}, Access::read_write);
    return localise_start_info(page.page(0).first<page_size>(), pv.abi, pv.p2m,
                               {.shared_info = to.info.shared_info,
                                .store_evtchn = to.settings.store.evtchn,
                                .console_evtchn = to.settings.console.evtchn});
}

void write_p2m(const PvState& pv, GuestMemory& memory, std::span<const Mfn> leaves)
{
    for (std::size_t first = 0; first < leaves.size(); first += p2m_frames_per_mapping) {
        const auto some =
            leaves.subspan(first, std::min(p2m_frames_per_mapping, leaves.size() - first));
        const ForeignMapping pages = map_frames(memory.mapper(), some, Access::read_write);
        for (std::size_t i = 0; i < some.size(); ++i) {
            pv.p2m.encode_leaf(first + i, pages.page(i).first<page_size>());
        }
    }
}

/// All contexts as the hypervisor takes them: checked whole before the first is set.
std::map<std::uint32_t, Octets> localised_contexts(const PvState& pv, const VcpuRecords& vcpus)
{
    std::map<std::uint32_t, Octets> contexts;
    for (const auto& [vcpu, blobs] : vcpus.all()) {
        if (blobs.basic.empty()) {
            throw Error{Errc::malformed, "the stream has state of vCPU %u, but not its registers",
                        vcpu};
        }
        Octets context = blobs.basic;
        localise_vcpu_context(context, vcpu, pv.abi, pv.p2m);
        contexts.emplace(vcpu, std::move(context));
    }
    return contexts;
}

void set_vcpus(const PvDestination& to, const PvState& pv, const VcpuRecords& vcpus,
               const std::map<std::uint32_t, Octets>& contexts)
{
    const VcpuState state{to.domain, pv.abi.vcpu.length_octets};
    for (const auto& [vcpu, blobs] : vcpus.all()) {
        state.set_context(vcpu, contexts.at(vcpu));
        if (!blobs.extended.empty()) {
            state.set_extended(vcpu, blobs.extended);
        }
        if (!blobs.xsave.empty()) {
            state.set_xsave(vcpu, blobs.xsave);
        }
        if (!blobs.msrs.empty()) {
            state.set_msrs(vcpu, blobs.msrs);
        }
    }
}

void pin_tables(const PvDestination& to, const PvState& pv)
{
    std::vector<Pin> pins;
    pv.p2m.for_each_type([&](Pfn pfn, PageType type) {
        const auto mfn = pv.p2m.mfn_of(pfn);
        if (is_pinned(type) && mfn) {
            pins.push_back({table_level(type), *mfn, pfn});
        }
    });
    to.log.verbose("domain %u: %zu page tables to pin", to.domain.domid(), pins.size());
    if (!pins.empty()) {
        to.domain.pin(pins);
    }
}

/// What the stream must have held, looked up and translated.
struct CompletionPlan {
    Mfn start_info;
    std::vector<Mfn> p2m_leaves;
    std::map<std::uint32_t, Octets> contexts;
};

CompletionPlan plan_completion(const PvState& pv, const VcpuRecords& vcpus, GuestMemory& memory,
                               const PendingPage& pending)
{
    const Pfn pfn = start_info_pfn(first_vcpu(vcpus).basic, pv.abi);
    const Mfn frame = require_mfn(pv.p2m, pfn, PageType::notab, "start_info");
    const auto new_page = pending ? pending(pfn) : std::span<const std::byte>{};
    if (new_page.empty()) {
        const ForeignMapping page = map_frames(memory.mapper(), {&frame, 1}, Access::read);
        check_start_info(page.page(0).first<page_size>(), pv.abi, pv.p2m);
    } else {
        check_start_info(new_page.first<page_size>(), pv.abi, pv.p2m);
    }
    return {frame, p2m_frame_mfns(pv.p2m_frames, pv.p2m), localised_contexts(pv, vcpus)};
}

}  // namespace

void check_complete(const PvState& pv, const VcpuRecords& vcpus, GuestMemory& memory,
                    const PendingPage& pending)
{
    (void)plan_completion(pv, vcpus, memory, pending);
}

RestoreResults complete_pv_domain(const PvDestination& to, PvState& pv, GuestMemory& memory,
                                  const VcpuRecords& vcpus)
{
    // What the stream must have held, before anything is changed.
    if (pv.shared_info.empty()) {
        throw Error{Errc::malformed, "the stream ends without SHARED_INFO"};
    }
    const CompletionPlan plan = plan_completion(pv, vcpus, memory, {});

    if (const std::uint64_t nr_lost = memory.empty_broken(); nr_lost != 0) {
        to.log.warning("%" PRIu64 " pages of the guest were lost to memory errors of its old host",
                       nr_lost);
    }
    const GuestMemory::Unused unused = memory.find_unused();
    if (unused.nr_named != 0) {
        to.log.warning("%" PRIu64
                       " pages that the stream says the guest does not have are named by "
                       "its page tables: it keeps them, with what came of them before, or empty",
                       unused.nr_named);
    }
    memory.give_back(unused.pfns);
    write_shared_info(to, pv, memory);
    const StartInfoFrames rings = write_start_info(to, pv, memory, plan.start_info);
    write_p2m(pv, memory, plan.p2m_leaves);
    // From here on the hypervisor validates page tables: nothing of the guest may be mapped.
    set_vcpus(to, pv, vcpus, plan.contexts);
    pin_tables(to, pv);

    const RestoreResults results{.store_gfn = rings.store.number(),
                                 .console_gfn = rings.console.number()};
    seed_grant_table(to.domain, GrantedRing{results.console_gfn, to.settings.console.backend_domid},
                     GrantedRing{results.store_gfn, to.settings.store.backend_domid});
    return results;
}

}  // namespace sr
