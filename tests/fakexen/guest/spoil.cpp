// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding things in a guest from dom0, by its registers and page tables, and changing an octet of them.
#include "tests/fakexen/guest/spoil.hpp"

#include "libsr/base/bytes.hpp"
#include "tests/fakexen/guest/state.hpp"

#include <algorithm>
#include <functional>
#include <optional>

namespace fakexen::guest {

namespace {

/// A suspended guest, read through xc_translate_foreign_address() and foreign mappings.
class Victim {
public:
    Victim(const Toolstack& toolstack, std::uint32_t domid) : toolstack_{toolstack}, domid_{domid}
    {
        state_ = read<State>(context().user_regs.r15);
        if (state_.magic != state_magic) {
            throw std::runtime_error{"the domain is no fakexen guest"};
        }
    }

    [[nodiscard]] const State& state() const noexcept { return state_; }

    [[nodiscard]] vcpu_guest_context_t context(std::uint32_t vcpu = 0) const
    {
        vcpu_guest_context_any_t any = {};
        (void)check(xc_vcpu_getcontext(toolstack_.xc(), domid_, vcpu, &any), "xc_vcpu_getcontext");
        return any.c;
    }

    void set_context(std::uint32_t vcpu, const vcpu_guest_context_t& context) const
    {
        vcpu_guest_context_any_t any = {};
        any.c = context;
        (void)check(xc_vcpu_setcontext(toolstack_.xc(), domid_, vcpu, &any), "xc_vcpu_setcontext");
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
        for (Pfn pfn = state_.places.data; pfn < state_.settings.nr_pfns; ++pfn) {
            const auto record =
                read<PageRecord>(abi64.direct(state_.places.records) + pfn * sizeof(PageRecord));
            if (record.role == role && (role != Role::data || record.version != 0)) {
                flip(abi64.direct(pfn) + page_size / 2);
                return;
            }
        }
        throw std::runtime_error{"the guest has no such page"};
    }

    void flip(Va va) const
    {
        with_page(va, [&](std::span<std::byte> page) { page[va % page_size] ^= std::byte{0x40}; });
    }

private:
    const Toolstack& toolstack_;
    std::uint32_t domid_;
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

/// A process' table cannot be mapped writable, but what it should hold can be changed.
constexpr Damage damages[] = {
    {"page", [](const Victim& v) { v.flip_first(Role::data); }},
    {"stale", [](const Victim& v) { v.flip_first(Role::stale); }},
    {"table", [](const Victim& v) { v.flip_first(Role::twin); }},
    {"p2m",
     [](const Victim& v) {
         v.flip(v.state().settings.p2m_vaddr + v.state().places.data * abi64.width);
     }},
    {"register",
     [](const Victim& v) {
         change_context(v, 0, [](auto& context) { context.user_regs.r13 ^= 1; });
     }},
    {"other-vcpu",
     [](const Victim& v) {
         change_context(v, 1, [](auto& context) { context.user_regs.rbx ^= 1; });
     }},
    {"segment-base",
     [](const Victim& v) {
         change_context(v, 0, [](auto& context) { context.fs_base ^= 0x1000; });
     }},
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
