// SPDX-License-Identifier: LGPL-2.1-or-later
// Basics of the guest kernel.
#include "tests/fakexen/guest/kernel.hpp"

#include <xen/io/console.h>

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace fakexen::guest {

Panic::Panic(const char* format, ...)
{
    char text[256] = {};
    std::va_list args;
    va_start(args, format);
    (void)std::vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_ = text;
}

void must(std::int64_t result, const char* call)
{
    if (result < 0) {
        throw Panic{"%s: %s", call, std::strerror(static_cast<int>(-result))};
    }
}

Kernel::Kernel(const Machine& machine, const Abi& abi, const vcpu_guest_context_t& context)
    : machine_{machine}, abi_{abi}, space_{machine, abi, context.ctrlreg[3] >> 12},
      state_va_{state_pointer(context, abi)}
{
    state = space_.load<State>(state_va_);
    if (state.magic != state_magic) {
        throw Panic{"no kernel state where it should be: %#" PRIx64, state_va_};
    }
}

void Kernel::save() const
{
    space_.store(state_va_, state);
}

Mfn Kernel::p2m(Pfn pfn) const
{
    if (pfn >= state.settings.nr_pfns) {
        return no_mfn;
    }
    const auto entry = space_.load_number(state.settings.p2m_vaddr + pfn * abi_.width, abi_.width);
    return entry == abi_.no_entry() ? no_mfn : entry;
}

void Kernel::set_p2m(Pfn pfn, Mfn mfn) const
{
    space_.store_number(state.settings.p2m_vaddr + pfn * abi_.width, abi_.width, mfn);
}

std::optional<Pfn> Kernel::pfn_of(Mfn mfn) const
{
    const Pfn pfn = machine_.m2p(mfn);
    if (mfn == no_mfn || p2m(pfn) != mfn) {
        return {};
    }
    return pfn;
}

void Kernel::remap(Pfn pfn, std::uint64_t flags) const
{
    const std::uint64_t entry = flags == 0 ? 0 : pte::make(p2m(pfn), flags);
    if (const auto result = machine_.update_va_mapping(abi_.direct(pfn), entry); result < 0) {
        throw Panic{"mapping pfn %#" PRIx64 " with flags %#" PRIx64 ": %s", pfn, flags,
                    std::strerror(static_cast<int>(-result))};
    }
}

std::int64_t Kernel::update_entry(Mfn table, std::size_t slot, std::uint64_t entry) const
{
    const mmu_update_t update = {((table << 12) + slot * sizeof entry) | MMU_NORMAL_PT_UPDATE,
                                 entry};
    return machine_.mmu_update({&update, 1});
}

Va Kernel::record_va(Pfn pfn) const
{
    if (pfn >= state.settings.nr_pfns) {
        throw Panic{"pfn %#" PRIx64 " is beyond the p2m", pfn};
    }
    return abi_.direct(state.places.records) + pfn * sizeof(PageRecord);
}

PageRecord Kernel::record(Pfn pfn) const
{
    return space_.load<PageRecord>(record_va(pfn));
}

void Kernel::set_record(Pfn pfn, const PageRecord& record) const
{
    space_.store(record_va(pfn), record);
}

std::span<const PageRecord> Kernel::records_from(Pfn pfn) const
{
    const auto rest = space_.reach(record_va(pfn), Access::read);
    const void* const at = rest.data();
    const std::uint64_t nr =
        std::min(rest.size() / sizeof(PageRecord), state.settings.nr_pfns - pfn);
    return {static_cast<const PageRecord*>(at), nr};
}

std::optional<Pfn> Kernel::pick_data()
{
    for (int tries = 0; tries < 64; ++tries) {
        const Pfn pfn = random().below(state.settings.nr_pfns);
        if (record(pfn).role == Role::data) {
            return pfn;
        }
    }
    return {};
}

std::optional<Pfn> Kernel::pick_free_data()
{
    for (int tries = 0; tries < 16; ++tries) {
        const auto pfn = pick_data();
        if (pfn && record(*pfn).owner == 0) {
            return pfn;
        }
    }
    return {};
}

void Kernel::print(const std::string& line)
{
    using Ring = xencons_interface;
    const auto page = this->page(state.places.console_ring, Access::write);
    std::uint32_t consumed = 0;
    std::uint32_t produced = 0;
    std::memcpy(&consumed, page.data() + offsetof(Ring, out_cons), sizeof consumed);
    std::memcpy(&produced, page.data() + offsetof(Ring, out_prod), sizeof produced);
    for (const char c : line + "\r\n") {
        if (produced - consumed == sizeof(Ring::out)) {
            break;  // nobody reads it
        }
        page[offsetof(Ring, out) + MASK_XENCONS_IDX(produced++, Ring{}.out)] =
            static_cast<std::byte>(c);
    }
    std::memcpy(page.data() + offsetof(Ring, out_prod), &produced, sizeof produced);
    state.console_written += line.size();
    (void)machine_.notify(console_port());
}

}  // namespace fakexen::guest
