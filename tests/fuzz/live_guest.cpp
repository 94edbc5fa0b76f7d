// SPDX-License-Identifier: LGPL-2.1-or-later
// Playing the kernel of a small guest.
#include "tests/fuzz/live_guest.hpp"

#include "tests/fuzz/engine.hpp"

#include <cstring>

namespace sr::fuzz {

using fakexen::Mfn;

LiveGuest::LiveGuest(InProcessHost& host, GuestWidth width)
    : host_{host}, domain_{host.make_domain(small_guest::nr_vcpus, small_guest::max_pages)},
      abi_{guest_abi(width)}
{
    const Outcome outcome = restore(host, domain_, small_guest_stream(width));
    require(outcome.done, outcome.message.c_str());
    const fakexen::Machine& machine = host.xen.machine;
    for (std::uint64_t number = machine.first_mfn(); number <= machine.max_mfn(); ++number) {
        const std::uint64_t pfn = machine.m2p(Mfn{number});
        if (machine.frame(Mfn{number}).owner == &domain_ && pfn < mfns_.size()) {
            mfns_[pfn] = number;
        }
    }
}

std::span<std::byte, page_size> LiveGuest::page(std::uint64_t pfn) const
{
    return host_.xen.machine.contents(Mfn{mfn(pfn)}).first<page_size>();
}

bool LiveGuest::is_writable(std::uint64_t pfn) const
{
    const Mfn number{mfn(pfn)};
    if (!host_.xen.machine.is_ram(number)) {
        return false;  // the hole
    }
    const fakexen::FrameState& frame = host_.xen.machine.frame(number);
    return frame.owner == &domain_ &&
           (frame.type_count == 0 || frame.type == fakexen::FrameType::writable);
}

void LiveGuest::suspend(P2mKind kind)
{
    const StartInfoLayout& start = abi_.start_info;
    store_field(page(small_guest::start_info), start.store_mfn, small_guest::xenstore);
    store_field(page(small_guest::start_info), start.console_mfn, small_guest::console);
    const SharedInfoLayout& at = abi_.shared_info;
    const auto shared = host_.xen.machine.contents(*domain_.shared_info);
    const bool is_list = kind == P2mKind::linear_list;
    const std::uint64_t base = small_guest_base(abi_.width);
    store_field(shared, at.p2m_vaddr, is_list ? base + small_guest::p2m * page_size : 0);
    store_field(shared, at.p2m_cr3, is_list ? abi_.cr3_of_frame(mfn(small_guest::top)) : 0);
    const Field first_entry{0, abi_.width_octets()};
    store_field(page(small_guest::list_root), first_entry, mfn(small_guest::list));
    store_field(page(small_guest::list), first_entry, mfn(small_guest::p2m));
    store_field(shared, at.pfn_to_mfn_frame_list_list, is_list ? 0 : mfn(small_guest::list_root));
    host_.xen.shut_down(domain_, SHUTDOWN_suspend);
}

void LiveGuest::store_word(std::uint64_t pfn, std::size_t slot, std::uint64_t value)
{
    if (is_writable(pfn)) {
        store(std::span<std::byte>{page(pfn)}, slot % 512 * 8, value);
    }
}

void LiveGuest::store_shared(std::size_t slot, std::uint64_t value)
{
    store(host_.xen.machine.contents(*domain_.shared_info), slot % 512 * 8, value);
}

void LiveGuest::set_entry(std::uint64_t table, unsigned slot, std::uint64_t entry)
{
    const fakexen::FrameState& frame = host_.xen.machine.frame(Mfn{mfn(table)});
    if (frame.owner == &domain_ && fakexen::is_table(frame.type) && frame.validated) {
        (void)host_.xen.types.update_entry(Mfn{mfn(table)}, slot % 512, entry,
                                           fakexen::KeepBits::none, domain_, domain_);
    }
}

void LiveGuest::give_back(std::uint64_t pfn)
{
    (void)host_.xen.remove_page(domain_, Mfn{mfn(pfn)});
}

void LiveGuest::set_register(std::size_t number, std::uint64_t value)
{
    auto& registers = domain_.vcpu(0)->context.user_regs;
    // r15 to rdi. Where it stops, rip and rsp, are addresses: the CPU would not go on at any other.
    constexpr std::size_t nr_general = 15;
    const std::size_t at = number % nr_general;
    std::memcpy(reinterpret_cast<std::byte*>(&registers) + at * sizeof value, &value, sizeof value);
}

}  // namespace sr::fuzz
