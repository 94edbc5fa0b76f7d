// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding things in a guest from dom0, by its registers and page tables, and changing an octet of them.
#include "tests/fakexen/guest/spoil.hpp"

#include "libsr/base/bytes.hpp"
#include "tests/fakexen/guest/grant_table.hpp"
#include "tests/fakexen/guest/state.hpp"

#include <algorithm>
#include <functional>
#include <optional>

namespace fakexen::guest {

namespace {

/// A suspended guest, read through xc_translate_foreign_address() and foreign mappings.
class Victim {
public:
    Victim(const Toolstack& toolstack, std::uint32_t domid)
        : toolstack_{toolstack}, domid_{domid}, abi_{width_of(toolstack, domid)}
    {
        state_ = read<State>(state_pointer(context(0), abi_));
        if (state_.magic != state_magic) {
            throw std::runtime_error{"the domain is no fakexen guest"};
        }
    }

    [[nodiscard]] const State& state() const noexcept { return state_; }
    [[nodiscard]] const Abi& abi() const noexcept { return abi_; }

    [[nodiscard]] vcpu_guest_context_t context(std::uint32_t vcpu) const
    {
        return get_context(toolstack_, domid_, vcpu, abi_);
    }

    void set_context(std::uint32_t vcpu, const vcpu_guest_context_t& context) const
    {
        guest::set_context(toolstack_, domid_, vcpu, abi_, context);
    }

    [[nodiscard]] xen_domctl domctl(std::uint32_t cmd) const
    {
        xen_domctl op = {};
        op.cmd = cmd;
        op.domain = static_cast<domid_t>(domid_);
        return op;
    }
    void perform(xen_domctl& op, const char* call) const
    {
        (void)check(xc_domctl(toolstack_.xc(), &op), call);
    }

    void with_page(Va va, const std::function<void(std::span<std::byte>)>& fn) const
    {
        const auto mfn = xc_translate_foreign_address(toolstack_.xc(), domid_, 0, va);
        if (mfn == 0) {
            throw CallError{"xc_translate_foreign_address"};
        }
        toolstack_.write_frames(domid_, {mfn}, [&](std::size_t, auto page) { fn(page); });
    }

    template <typename T>
    [[nodiscard]] T read(Va va) const
    {
        T value{};
        with_page(va,
                  [&](std::span<std::byte> page) { value = sr::load<T>(page, va % page_size); });
        return value;
    }

    /// Flips a bit in the middle of the first page of a role, if it has been written.
    void flip_first(Role role) const
    {
        flip(address_of_first([role](const PageRecord& record) {
                 return record.role == role && (role != Role::data || record.version != 0);
             }) +
             page_size / 2);
    }

    /// The first twin of an L1: all its entries count, and of each this bit (10, which is the kernel's own).
    void flip_entry_of_first_twin() const
    {
        flip(address_of_first([](const PageRecord& record) {
                 return record.role == Role::twin && record.level == 1;
             }) + page_size / 2 +
                 1,
             std::byte{0x04});
    }

    void flip(Va va, std::byte bits = std::byte{0x40}) const
    {
        with_page(va, [&](std::span<std::byte> page) { page[va % page_size] ^= bits; });
    }

    /// Lets another domain than before map what the first entry that is not reserved names, be it empty or not.
    void grant_to_a_stranger() const
    {
        const std::size_t width = page_size / grants_per_frame(state_.grants.version);
        const std::size_t at = GNTTAB_NR_RESERVED_ENTRIES * width;
        toolstack_.write_grant_frame(domid_, 0, [&](std::span<std::byte> page) {
            auto head = sr::load<grant_entry_header_t>(page, at);
            head.flags |= GTF_permit_access;
            head.domid ^= 1;
            sr::store(page, at, head);
        });
    }

private:
    [[nodiscard]] Va address_of_first(const std::function<bool(const PageRecord&)>& wanted) const
    {
        for (Pfn pfn = state_.places.data; pfn < state_.settings.nr_pfns; ++pfn) {
            const Va record = abi_.direct(state_.places.records) + pfn * sizeof(PageRecord);
            if (wanted(read<PageRecord>(record))) {
                return abi_.direct(pfn);
            }
        }
        throw std::runtime_error{"the guest has no such page"};
    }

    static const Abi& width_of(const Toolstack& toolstack, std::uint32_t domid)
    {
        unsigned width = 0;
        (void)check(xc_domain_get_guest_width(toolstack.xc(), domid, &width),
                    "xc_domain_get_guest_width");
        return abi_of_bits(width * 8);
    }

    const Toolstack& toolstack_;
    std::uint32_t domid_;
    const Abi& abi_;
    State state_{};
};

struct Damage {
    const char* name;
    void (*act)(const Victim& victim);
};

void change_context(const Victim& victim, std::uint32_t vcpu,
                    const std::function<void(vcpu_guest_context_t&)>& change)
{
    auto context = victim.context(vcpu);
    change(context);
    victim.set_context(vcpu, context);
}

/// TSC_AUX of vCPU 0.
void change_msr(const Victim& victim)
{
    xen_domctl_vcpu_msr msr = {0xc0000103, 0, 0x5a5a};
    xen_domctl op = victim.domctl(XEN_DOMCTL_set_vcpu_msrs);
    op.u.vcpu_msrs.msr_count = 1;
    set_xen_guest_handle_raw(op.u.vcpu_msrs.msrs, &msr);
    victim.perform(op, "XEN_DOMCTL_set_vcpu_msrs");
}

void change_callback(const Victim& victim)
{
    xen_domctl op = victim.domctl(XEN_DOMCTL_get_ext_vcpucontext);
    victim.perform(op, "XEN_DOMCTL_get_ext_vcpucontext");
    op.cmd = XEN_DOMCTL_set_ext_vcpucontext;
    op.u.ext_vcpucontext.sysenter_callback_eip ^= 0x10;
    victim.perform(op, "XEN_DOMCTL_set_ext_vcpucontext");
}

/// A process' table cannot be mapped writable, but what it should hold can be changed.
constexpr Damage damages[] = {
    {"page", [](const Victim& v) { v.flip_first(Role::data); }},
    {"stale", [](const Victim& v) { v.flip_first(Role::stale); }},
    {"table", [](const Victim& v) { v.flip_entry_of_first_twin(); }},
    {"p2m",
     [](const Victim& v) {
         v.flip(v.state().settings.p2m_vaddr + v.state().places.data * v.abi().width);
     }},
    {"register",
     [](const Victim& v) {
         change_context(v, 0, [](auto& context) { context.user_regs.rbp ^= 1; });
     }},
    {"other-vcpu",
     [](const Victim& v) {
         change_context(v, 1, [](auto& context) { context.user_regs.rbx ^= 1; });
     }},
    {"segment-base",
     [](const Victim& v) {
         if (v.abi().bits == 32) {
             throw std::runtime_error{"a 32-bit guest has no segment bases"};
         }
         change_context(v, 0, [](auto& context) { context.fs_base ^= 0x1000; });
     }},
    {"msr", change_msr},
    {"callback", change_callback},
    {"grant", [](const Victim& v) { v.grant_to_a_stranger(); }},
    {"fpu",
     [](const Victim& v) {
         change_context(v, 0, [](auto& context) { context.fpu_ctxt.x[200] ^= 1; });
     }},
};

}  // namespace

std::vector<std::string> spoilable()
{
    std::vector<std::string> names;
    for (const Damage& damage : damages) {
        names.emplace_back(damage.name);
    }
    return names;
}

void spoil(const Toolstack& toolstack, std::uint32_t domid, const std::string& what)
{
    for (const Damage& damage : damages) {
        if (what == damage.name) {
            damage.act(Victim{toolstack, domid});
            return;
        }
    }
    throw std::runtime_error{"nothing to spoil is called " + what};
}

}  // namespace fakexen::guest
