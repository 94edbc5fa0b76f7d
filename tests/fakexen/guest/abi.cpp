// SPDX-License-Identifier: LGPL-2.1-or-later
// The two kernels' address spaces, and where Xen's headers have the fields that they share with Xen.
#include "tests/fakexen/guest/abi.hpp"

#include "tests/fakexen/protocol/messages.hpp"

#include <xen/foreign/x86_32.h>

#include <stdexcept>
#include <string>

namespace fakexen::guest {

namespace {

// Xen's headers know two words for "unsigned long": Field has the width of the member itself.
#define FIELD_OF(type, member)                                                                     \
    Field                                                                                          \
    {                                                                                              \
        offsetof(type, member), sizeof(type::member)                                               \
    }

template <typename StartInfo>
constexpr StartInfoFields start_info_fields()
{
    return {.nr_pages = FIELD_OF(StartInfo, nr_pages),
            .shared_info = FIELD_OF(StartInfo, shared_info),
            .store_mfn = FIELD_OF(StartInfo, store_mfn),
            .store_evtchn = FIELD_OF(StartInfo, store_evtchn),
            .console_mfn = FIELD_OF(StartInfo, console.domU.mfn),
            .console_evtchn = FIELD_OF(StartInfo, console.domU.evtchn),
            .pt_base = FIELD_OF(StartInfo, pt_base),
            .nr_pt_frames = FIELD_OF(StartInfo, nr_pt_frames),
            .mfn_list = FIELD_OF(StartInfo, mfn_list)};
}

template <typename SharedInfo>
constexpr SharedInfoFields shared_info_fields()
{
    return {.max_pfn = FIELD_OF(SharedInfo, arch.max_pfn),
            .frame_list_list = FIELD_OF(SharedInfo, arch.pfn_to_mfn_frame_list_list),
            .p2m_cr3 = FIELD_OF(SharedInfo, arch.p2m_cr3),
            .p2m_vaddr = FIELD_OF(SharedInfo, arch.p2m_vaddr),
            .p2m_generation = FIELD_OF(SharedInfo, arch.p2m_generation)};
}

#undef FIELD_OF

}  // namespace

constexpr Abi abi64{.bits = 64,
                    .levels = 4,
                    .width = 8,
                    .direct_map = 0xffff'8800'0000'0000,
                    .p2m_list = 0xffff'9000'0000'0000,
                    .p2m_limit = 0xffff'ffff'8000'0000,
                    .fixmap = 0xffff'ffff'ff40'0000,
                    .user_slots = {0, 256},
                    .kernel_slots = {272, 512},
                    .xen_slots = {256, 272},
                    .high_xen_slots = {0, 0},
                    .top_flags = pte::table,
                    .has_user_table = true,
                    .signature = protocol::guest_signature_rip,
                    .code_segment = FLAT_KERNEL_CS,
                    .stack_segment = FLAT_KERNEL_SS,
                    .data_segment = FLAT_KERNEL_DS,
                    .code_descriptor = 0x00af'fb00'0000'ffff,
                    .magic = "xen-3.0-x86_64",
                    .start_info = start_info_fields<start_info_t>(),
                    .shared_info = shared_info_fields<shared_info_t>()};

/// User space is the first GiB; the direct map has two and the kernel's own mappings the rest. A top-level entry of PAE
/// has no access bits (Intel SDM vol. 3A, "Format of a PAE Page-Directory-Pointer-Table Entry").
constexpr Abi abi32{.bits = 32,
                    .levels = 3,
                    .width = 4,
                    .direct_map = 0x4000'0000,
                    .p2m_list = 0xc000'0000,
                    .p2m_limit = 0xf500'0000,
                    .fixmap = 0xf540'0000,
                    .user_slots = {0, 1},
                    .kernel_slots = {1, 3},
                    .xen_slots = {4, 512},
                    .high_xen_slots = {428, 512},
                    .top_flags = pte::present,
                    .has_user_table = false,
                    .signature = protocol::guest_signature_eip,
                    .code_segment = FLAT_KERNEL_CS_X86_32,
                    .stack_segment = FLAT_KERNEL_SS_X86_32,
                    .data_segment = FLAT_KERNEL_DS_X86_32,
                    .code_descriptor = 0x00cf'fb00'0000'ffff,
                    .magic = "xen-3.0-x86_32p",
                    .start_info = start_info_fields<start_info_x86_32_t>(),
                    .shared_info = shared_info_fields<shared_info_x86_32_t>()};

const Abi& abi_of_bits(unsigned bits)
{
    if (bits != 32 && bits != 64) {
        throw std::invalid_argument{"there are guests of 64 and of 32 bits, not of " +
                                    std::to_string(bits)};
    }
    return bits == 64 ? abi64 : abi32;
}

}  // namespace fakexen::guest
