// SPDX-License-Identifier: LGPL-2.1-or-later
// What a PV Linux leaves behind in its memory when it suspends (arch/x86/xen/suspend_pv.c, p2m.c of Linux 6.1), for a
// domain that was restored and has no kernel to do it.
#include "tests/fakexen/host/adopt.hpp"

#include "tests/fakexen/host/page_walk.hpp"
#include "tests/fakexen/host/pte.hpp"
#include "tests/fakexen/host/vcpu_context_32.hpp"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <type_traits>
#include <utility>

namespace fakexen {
namespace {

/// One adoption under way: what is changed where, in words.
class Adoption {
public:
    Adoption(Hypervisor& xen, Domain& domain) : xen_{xen}, domain_{domain} {}

    AdoptResult run()
    {
        result_.error = why_not();
        if (result_.error.empty()) {
            if (domain_.is_32bit) {
                point_at_p2m_list<shared_info_x86_32_t>();
                store_pfns_in_start_info<start_info_x86_32_t>();
            } else {
                point_at_p2m_list<shared_info_t>();
                store_pfns_in_start_info<start_info_t>();
            }
            unmap_shared_info();
            xen_.shut_down(domain_, SHUTDOWN_suspend);
            say("d%u: shut down with reason suspend", domain_.id);
        }
        return std::move(result_);
    }

private:
    void say(const char* format, ...) __attribute__((format(printf, 2, 3)));
    [[nodiscard]] std::string why_not() const;
    [[nodiscard]] std::uint64_t p2m_vaddr() const;
    template <typename SharedInfo>
    void point_at_p2m_list();
    template <typename StartInfo>
    void store_pfns_in_start_info();
    void unmap_shared_info();
    bool owned(Mfn mfn) const
    {
        return xen_.machine.is_ram(mfn) && xen_.machine.frame(mfn).owner == &domain_;
    }
    [[nodiscard]] Mfn start_info_frame() const
    {
        return Mfn{
            domain_.vcpu(0)->context.user_regs.rdx};  // the argument of the suspend hypercall
    }
    template <typename T>
    T* structure_in(Mfn mfn) const
    {
        return &xen_.machine.structure<T>(mfn);
    }

    Hypervisor& xen_;
    Domain& domain_;
    AdoptResult result_;
};

void Adoption::say(const char* format, ...)
{
    char line[256];
    std::va_list args;
    va_start(args, format);
    (void)std::vsnprintf(line, sizeof line, format, args);
    va_end(args);
    result_.changes.emplace_back(line);
}

std::string Adoption::why_not() const
{
    const Vcpu* vcpu = domain_.vcpu(0);
    if (domain_.life != Life::alive || vcpu == nullptr || !vcpu->kernel_table) {
        return "the domain has no vCPU 0 with page tables: was it restored?";
    }
    if (domain_.shut_down) {
        return "the domain is shut down already";
    }
    if (!owned(start_info_frame())) {
        return "vCPU 0's rdx does not name a start_info page of the domain: it did not stop in a "
               "suspend hypercall";
    }
    if (p2m_vaddr() == 0) {
        return "the domain has no linear p2m list, and only its kernel knows where its p2m tree is";
    }
    const Levels levels = domain_.is_32bit ? Levels::pae : Levels::long_mode;
    if (!find_frame(xen_.machine, *vcpu->kernel_table, p2m_vaddr(), levels)) {
        return "vCPU 0's page tables do not map the p2m list";
    }
    return {};
}

std::uint64_t Adoption::p2m_vaddr() const
{
    return domain_.is_32bit
               ? structure_in<const shared_info_x86_32_t>(*domain_.shared_info)->arch.p2m_vaddr
               : structure_in<const shared_info_t>(*domain_.shared_info)->arch.p2m_vaddr;
}

// The restorer copied p2m_cr3 from the stream, where it named a frame of the source host. In 32 bits a cr3 has the upper bits
// of its frame's number at the bottom.
template <typename SharedInfo>
void Adoption::point_at_p2m_list()
{
    auto& field = structure_in<SharedInfo>(*domain_.shared_info)->arch.p2m_cr3;
    const Mfn table = *domain_.vcpu(0)->kernel_table;
    using Field = std::remove_reference_t<decltype(field)>;
    const auto cr3 = static_cast<Field>(
        domain_.is_32bit ? extended_cr3(static_cast<std::uint32_t>(table.number()))
                         : table.number() << 12);
    if (field != cr3) {
        say("shared_info: p2m_cr3 %#" PRIx64 " becomes %#" PRIx64 " (pfn %#" PRIx64 ")",
            std::uint64_t{field}, std::uint64_t{cr3}, xen_.machine.m2p(table));
        field = cr3;
    }
}

template <typename StartInfo>
void Adoption::store_pfns_in_start_info()
{
    const Mfn mfn = start_info_frame();
    const std::uint64_t at = xen_.machine.m2p(mfn);
    auto* start_info = structure_in<StartInfo>(mfn);
    const auto to_pfn = [&](const char* name, auto& field) {
        if (!owned(Mfn{field})) {
            return;  // absent
        }
        const std::uint64_t pfn = xen_.machine.m2p(Mfn{field});
        say("pfn %#" PRIx64 " start_info: %s mfn %#" PRIx64 " becomes pfn %#" PRIx64, at, name,
            std::uint64_t{field}, pfn);
        field = static_cast<std::remove_reference_t<decltype(field)>>(pfn);
    };
    to_pfn("store_mfn", start_info->store_mfn);
    to_pfn("console.domU.mfn", start_info->console.domU.mfn);
}

// A suspended guest maps nothing but its own memory: Xen's shared_info page stays behind.
void Adoption::unmap_shared_info()
{
    const Machine& machine = xen_.machine;
    for (std::uint64_t number = machine.first_mfn(); number <= machine.max_mfn(); ++number) {
        const Mfn table{number};
        const FrameState& frame = machine.frame(table);
        if (frame.owner != &domain_ || frame.type != FrameType::l1_table || !frame.validated) {
            continue;
        }
        for (unsigned slot = 0; slot < machine.entries(table).size(); ++slot) {
            const std::uint64_t entry = machine.entries(table)[slot];
            if ((entry & pte::present) == 0 || pte::frame_of(entry) != *domain_.shared_info) {
                continue;
            }
            say("pfn %#" PRIx64 " L1 table slot %u: entry of shared_info cleared",
                machine.m2p(table), slot);
            (void)xen_.types.update_entry(table, slot, 0, KeepBits::none, domain_, domain_);
        }
    }
}

}  // namespace

AdoptResult adopt_domain(Hypervisor& xen, Domain& domain)
{
    return Adoption{xen, domain}.run();
}

}  // namespace fakexen
