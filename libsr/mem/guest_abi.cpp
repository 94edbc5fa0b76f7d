// SPDX-License-Identifier: LGPL-2.1-or-later
// The numbers of both guest widths, and what is computed from them.
#include "libsr/mem/guest_abi.hpp"

#include "libsr/base/bytes.hpp"
#include "libsr/base/error.hpp"

#include <cinttypes>

namespace sr {
namespace {

constexpr GuestAbi long64_abi{
    .width = GuestWidth::bits64,
    .levels = 4,
    .has_user_cr3 = true,
    .virt_mask = 0x0000'ffff'ffff'ffff,
    .xen_virt_first = 0xffff'8000'0000'0000,
    .xen_virt_last = 0xffff'87ff'ffff'ffff,
    .vcpu =
        {
            .length_octets = 5168,
            .flags = {512, 8},
            .user_regs = {520, 8},
            .ax = {600, 8},
            .dx = {616, 8},
            .ip = {648, 8},
            .sp = {672, 8},
            .gdt_frames = {4832, 8},
            .gdt_ents = {4960, 8},
            .ctrlreg = {4984, 8},
        },
    .shared_info =
        {
            .length_octets = 3136,
            .vcpu_info = {0, 2048},
            .vcpu_info_stride = 64,
            .evtchn_pending_sel = {8, 8},
            .evtchn_pending = {2048, 512},
            .evtchn_mask = {2560, 512},
            .wallclock = {3072, 12},
            .arch = {3088, 48},
            .max_pfn = {3088, 8},
            .pfn_to_mfn_frame_list_list = {3096, 8},
            .nmi_reason = {3104, 8},
            .p2m_cr3 = {3112, 8},
            .p2m_vaddr = {3120, 8},
            .p2m_generation = {3128, 8},
        },
    .start_info =
        {
            .length_octets = 1168,
            .nr_pages = {32, 8},
            .shared_info = {40, 8},
            .flags = {48, 4},
            .store_mfn = {56, 8},
            .store_evtchn = {64, 4},
            .console_mfn = {72, 8},
            .console_evtchn = {80, 4},
        },
};

constexpr GuestAbi pae32_abi{
    .width = GuestWidth::bits32,
    .levels = 3,
    .has_user_cr3 = false,
    .virt_mask = 0xffff'ffff,
    .xen_virt_first = 0xf580'0000,
    .xen_virt_last = 0xffff'ffff,
    .vcpu =
        {
            .length_octets = 2800,
            .flags = {512, 4},
            .user_regs = {516, 4},
            .ax = {540, 4},
            .dx = {524, 4},
            .ip = {548, 4},
            .sp = {560, 4},
            .gdt_frames = {2640, 4},
            .gdt_ents = {2704, 4},
            .ctrlreg = {2716, 4},
        },
    .shared_info =
        {
            .length_octets = 2344,
            .vcpu_info = {0, 2048},
            .vcpu_info_stride = 64,
            .evtchn_pending_sel = {4, 4},
            .evtchn_pending = {2048, 128},
            .evtchn_mask = {2176, 128},
            .wallclock = {2304, 12},
            .arch = {2316, 24},
            .max_pfn = {2316, 4},
            .pfn_to_mfn_frame_list_list = {2320, 4},
            .nmi_reason = {2324, 4},
            .p2m_cr3 = {2328, 4},
            .p2m_vaddr = {2332, 4},
            .p2m_generation = {2336, 4},
        },
    .start_info =
        {
            .length_octets = 1112,
            .nr_pages = {32, 4},
            .shared_info = {36, 4},
            .flags = {40, 4},
            .store_mfn = {44, 4},
            .store_evtchn = {48, 4},
            .console_mfn = {52, 4},
            .console_evtchn = {56, 4},
        },
};

/// True if bits 63:47 are all the same.
constexpr bool is_canonical(std::uint64_t vaddr) noexcept
{
    const std::uint64_t top = vaddr >> 47;
    return top == 0 || top == 0x1'ffff;
}

}  // namespace

std::uint64_t load_field(std::span<const std::byte> structure, Field field)
{
    switch (field.width_octets) {
    case 1:
        return load<std::uint8_t>(structure, field.offset);
    case 2:
        return load<std::uint16_t>(structure, field.offset);
    case 4:
        return load<std::uint32_t>(structure, field.offset);
    default:
        return load<std::uint64_t>(structure, field.offset);
    }
}

void store_field(std::span<std::byte> structure, Field field, std::uint64_t value)
{
    const std::size_t width = field.width_octets;
    if (width < 8 && value >> (width * 8) != 0) {
        throw Error{Errc::limit, "%#" PRIx64 " does not fit a field of %zu octets", value, width};
    }
    switch (width) {
    case 1:
        return store(structure, field.offset, static_cast<std::uint8_t>(value));
    case 2:
        return store(structure, field.offset, static_cast<std::uint16_t>(value));
    case 4:
        return store(structure, field.offset, static_cast<std::uint32_t>(value));
    default:
        return store(structure, field.offset, value);
    }
}

bool GuestAbi::is_guest_range(std::uint64_t vaddr, std::uint64_t length_octets) const noexcept
{
    const std::uint64_t last = vaddr + length_octets - 1;
    if (length_octets == 0 || last < vaddr) {
        return false;
    }
    if (width == GuestWidth::bits32) {
        return last < xen_virt_first;
    }
    // A range over the hole between the halves covers Xen's, which is the first of the upper half.
    return is_canonical(vaddr) && is_canonical(last) &&
           (last < xen_virt_first || vaddr > xen_virt_last);
}

std::optional<std::uint64_t> GuestAbi::frame_of_cr3(std::uint64_t cr3) const noexcept
{
    if (width == GuestWidth::bits64) {
        return cr3 >> 12;
    }
    if (cr3 > 0xffff'ffffU) {
        return std::nullopt;
    }
    return (cr3 >> 12 | cr3 << 20) & 0xffff'ffffU;
}

std::uint64_t GuestAbi::cr3_of_frame(std::uint64_t frame) const
{
    const unsigned frame_bits = width == GuestWidth::bits64 ? 52 : 32;
    if (frame >> frame_bits != 0) {
        throw Error{Errc::limit, "frame %#" PRIx64 " does not fit a cr3 of %zu octets", frame,
                    width_octets()};
    }
    return width == GuestWidth::bits64 ? frame << 12 : (frame << 12 | frame >> 20) & 0xffff'ffffU;
}

const GuestAbi& guest_abi(GuestWidth width) noexcept
{
    return width == GuestWidth::bits64 ? long64_abi : pae32_abi;
}

std::optional<GuestWidth> guest_width_from_wire(unsigned width_octets, unsigned levels) noexcept
{
    if (width_octets == 8 && levels == 4) {
        return GuestWidth::bits64;
    }
    if (width_octets == 4 && levels == 3) {
        return GuestWidth::bits32;
    }
    return std::nullopt;
}

}  // namespace sr
