// SPDX-License-Identifier: LGPL-2.1-or-later
// Offsets of Xen's public structures, as a 64-bit and a 32-bit guest see them (public/xen.h,
// public/arch-x86/xen.h).
#include "tools/xsr/guest_fields.hpp"

#include "tools/xsr/units.hpp"

#include <array>
#include <cinttypes>

namespace sr {
namespace {

constexpr const char* events = "a restore masks all event channels and forgets what was pending";
constexpr const char* clock_runs = "the host's clock is another, and went on";
constexpr const char* p2m_moved = "the p2m lies in machine frames of the host";

constexpr std::array vcpu_basic_64 = {
    GuestField{"fpu[]", 0, 8, 64, 8},
    GuestField{"flags", 512, 8},
    GuestField{"r15", 520, 8},
    GuestField{"r14", 528, 8},
    GuestField{"r13", 536, 8},
    GuestField{"r12", 544, 8},
    GuestField{"rbp", 552, 8},
    GuestField{"rbx", 560, 8},
    GuestField{"r11", 568, 8},
    GuestField{"r10", 576, 8},
    GuestField{"r9", 584, 8},
    GuestField{"r8", 592, 8},
    GuestField{"rax", 600, 8},
    GuestField{"rcx", 608, 8},
    GuestField{"rdx", 616, 8},
    GuestField{"rsi", 624, 8},
    GuestField{"rdi", 632, 8},
    GuestField{"error_code", 640, 4},
    GuestField{"entry_vector", 644, 4},
    GuestField{"rip", 648, 8},
    GuestField{"cs", 656, 2},
    GuestField{"saved_upcall_mask", 660, 1},
    GuestField{"rflags", 664, 8},
    GuestField{"rsp", 672, 8},
    GuestField{"ss", 680, 2},
    GuestField{"es", 688, 2},
    GuestField{"ds", 696, 2},
    GuestField{"fs", 704, 2},
    GuestField{"gs", 712, 2},
    GuestField{"trap[].vector", 720, 1, 256, 16},
    GuestField{"trap[].flags", 721, 1, 256, 16},
    GuestField{"trap[].cs", 722, 2, 256, 16},
    GuestField{"trap[].address", 728, 8, 256, 16},
    GuestField{"ldt_base", 4816, 8},
    GuestField{"ldt_ents", 4824, 8},
    GuestField{"gdt_frame[]", 4832, 8, 16, 8},
    GuestField{"gdt_ents", 4960, 8},
    GuestField{"kernel_ss", 4968, 8},
    GuestField{"kernel_sp", 4976, 8},
    GuestField{"cr0", 4984, 8},
    GuestField{"cr1", 4992, 8},
    GuestField{"cr2", 5000, 8},
    GuestField{"cr3", 5008, 8},
    GuestField{"cr4", 5016, 8},
    GuestField{"cr[5+]", 5024, 8, 3, 8},
    GuestField{"dr[]", 5048, 8, 8, 8},
    GuestField{"event_callback_eip", 5112, 8},
    GuestField{"failsafe_callback_eip", 5120, 8},
    GuestField{"syscall_callback_eip", 5128, 8},
    GuestField{"vm_assist", 5136, 8},
    GuestField{"fs_base", 5144, 8},
    GuestField{"gs_base_kernel", 5152, 8},
    GuestField{"gs_base_user", 5160, 8},
};

constexpr std::array vcpu_basic_32 = {
    GuestField{"fpu[]", 0, 4, 128, 4},
    GuestField{"flags", 512, 4},
    GuestField{"ebx", 516, 4},
    GuestField{"ecx", 520, 4},
    GuestField{"edx", 524, 4},
    GuestField{"esi", 528, 4},
    GuestField{"edi", 532, 4},
    GuestField{"ebp", 536, 4},
    GuestField{"eax", 540, 4},
    GuestField{"error_code", 544, 2},
    GuestField{"entry_vector", 546, 2},
    GuestField{"eip", 548, 4},
    GuestField{"cs", 552, 2},
    GuestField{"saved_upcall_mask", 554, 1},
    GuestField{"eflags", 556, 4},
    GuestField{"esp", 560, 4},
    GuestField{"ss", 564, 2},
    GuestField{"es", 568, 2},
    GuestField{"ds", 572, 2},
    GuestField{"fs", 576, 2},
    GuestField{"gs", 580, 2},
    GuestField{"trap[].vector", 584, 1, 256, 8},
    GuestField{"trap[].flags", 585, 1, 256, 8},
    GuestField{"trap[].cs", 586, 2, 256, 8},
    GuestField{"trap[].address", 588, 4, 256, 8},
    GuestField{"ldt_base", 2632, 4},
    GuestField{"ldt_ents", 2636, 4},
    GuestField{"gdt_frame[]", 2640, 4, 16, 4},
    GuestField{"gdt_ents", 2704, 4},
    GuestField{"kernel_ss", 2708, 4},
    GuestField{"kernel_sp", 2712, 4},
    GuestField{"cr0", 2716, 4},
    GuestField{"cr1", 2720, 4},
    GuestField{"cr2", 2724, 4},
    GuestField{"cr3", 2728, 4},
    GuestField{"cr4", 2732, 4},
    GuestField{"cr[5+]", 2736, 4, 3, 4},
    GuestField{"dr[]", 2748, 4, 8, 4},
    GuestField{"event_callback_cs", 2780, 4},
    GuestField{"event_callback_eip", 2784, 4},
    GuestField{"failsafe_callback_cs", 2788, 4},
    GuestField{"failsafe_callback_eip", 2792, 4},
    GuestField{"vm_assist", 2796, 4},
};

constexpr std::array vcpu_extended = {
    GuestField{"vcpu", 0, 4},
    GuestField{"size", 4, 4},
    GuestField{"syscall32_callback_eip", 8, 8},
    GuestField{"sysenter_callback_eip", 16, 8},
    GuestField{"syscall32_callback_cs", 24, 2},
    GuestField{"sysenter_callback_cs", 26, 2},
    GuestField{"syscall32_disables_events", 28, 1},
    GuestField{"sysenter_disables_events", 29, 1},
    GuestField{"mcg_cap", 32, 8},
    GuestField{"mci_ctl2_bank[]", 40, 8, 2, 8},
    GuestField{"mcg_ext_ctl", 56, 8},
};

// After xcr0 and xcr0_accum: Intel SDM vol. 1, "XSAVE Area" (legacy region, then the header at
// 512).
constexpr std::array vcpu_xsave = {
    GuestField{"xcr0", 0, 8},
    GuestField{"xcr0_accum", 8, 8},
    GuestField{"fcw", 16, 2},
    GuestField{"fsw", 18, 2},
    GuestField{"ftw", 20, 1},
    GuestField{"fop", 22, 2},
    GuestField{"fip", 24, 8},
    GuestField{"fdp", 32, 8},
    GuestField{"mxcsr", 40, 4},
    GuestField{"mxcsr_mask", 44, 4},
    GuestField{"st[].low", 48, 8, 8, 16},
    GuestField{"st[].high", 56, 8, 8, 16},
    GuestField{"xmm[].low", 176, 8, 16, 16},
    GuestField{"xmm[].high", 184, 8, 16, 16},
    GuestField{"xstate_bv", 528, 8},
    GuestField{"xcomp_bv", 536, 8},
};

constexpr std::array shared_info_64 = {
    GuestField{"vcpu_info[].evtchn_upcall_pending", 0, 1, 32, 64, events},
    GuestField{"vcpu_info[].evtchn_upcall_mask", 1, 1, 32, 64},
    GuestField{"vcpu_info[].evtchn_pending_sel", 8, 8, 32, 64, events},
    GuestField{"vcpu_info[].cr2", 16, 8, 32, 64},
    GuestField{"vcpu_info[].time.version", 32, 4, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.tsc_timestamp", 40, 8, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.system_time", 48, 8, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.tsc_to_system_mul", 56, 4, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.tsc_shift", 60, 1, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.flags", 61, 1, 32, 64, clock_runs},
    GuestField{"evtchn_pending[]", 2048, 8, 64, 8, events},
    GuestField{"evtchn_mask[]", 2560, 8, 64, 8, events},
    GuestField{"wc_version", 3072, 4, 1, 0, clock_runs},
    GuestField{"wc_sec", 3076, 4, 1, 0, clock_runs},
    GuestField{"wc_nsec", 3080, 4, 1, 0, clock_runs},
    GuestField{"wc_sec_hi", 3084, 4, 1, 0, clock_runs},
    GuestField{"arch.max_pfn", 3088, 8},
    GuestField{"arch.pfn_to_mfn_frame_list_list", 3096, 8, 1, 0, p2m_moved},
    GuestField{"arch.nmi_reason", 3104, 8},
    GuestField{"arch.p2m_cr3", 3112, 8, 1, 0, p2m_moved},
    GuestField{"arch.p2m_vaddr", 3120, 8},
    GuestField{"arch.p2m_generation", 3128, 8},
};

constexpr std::array shared_info_32 = {
    GuestField{"vcpu_info[].evtchn_upcall_pending", 0, 1, 32, 64, events},
    GuestField{"vcpu_info[].evtchn_upcall_mask", 1, 1, 32, 64},
    GuestField{"vcpu_info[].evtchn_pending_sel", 4, 4, 32, 64, events},
    GuestField{"vcpu_info[].cr2", 8, 4, 32, 64},
    GuestField{"vcpu_info[].time.version", 32, 4, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.tsc_timestamp", 40, 8, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.system_time", 48, 8, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.tsc_to_system_mul", 56, 4, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.tsc_shift", 60, 1, 32, 64, clock_runs},
    GuestField{"vcpu_info[].time.flags", 61, 1, 32, 64, clock_runs},
    GuestField{"evtchn_pending[]", 2048, 4, 32, 4, events},
    GuestField{"evtchn_mask[]", 2176, 4, 32, 4, events},
    GuestField{"wc_version", 2304, 4, 1, 0, clock_runs},
    GuestField{"wc_sec", 2308, 4, 1, 0, clock_runs},
    GuestField{"wc_nsec", 2312, 4, 1, 0, clock_runs},
    GuestField{"arch.max_pfn", 2316, 4},
    GuestField{"arch.pfn_to_mfn_frame_list_list", 2320, 4, 1, 0, p2m_moved},
    GuestField{"arch.nmi_reason", 2324, 4},
    GuestField{"arch.p2m_cr3", 2328, 4, 1, 0, p2m_moved},
    GuestField{"arch.p2m_vaddr", 2332, 4},
    GuestField{"arch.p2m_generation", 2336, 4},
    GuestField{"arch.wc_sec_hi", 2340, 4, 1, 0, clock_runs},
};

constexpr std::array start_info_64 = {
    GuestField{"nr_pages", 32, 8},        GuestField{"shared_info", 40, 8},
    GuestField{"flags", 48, 4},           GuestField{"store_mfn", 56, 8},
    GuestField{"store_evtchn", 64, 4},    GuestField{"console.mfn", 72, 8},
    GuestField{"console.evtchn", 80, 4},  GuestField{"pt_base", 88, 8},
    GuestField{"nr_pt_frames", 96, 8},    GuestField{"mfn_list", 104, 8},
    GuestField{"mod_start", 112, 8},      GuestField{"mod_len", 120, 8},
    GuestField{"first_p2m_pfn", 1152, 8}, GuestField{"nr_p2m_frames", 1160, 8},
};

constexpr std::array start_info_32 = {
    GuestField{"nr_pages", 32, 4},       GuestField{"shared_info", 36, 4},
    GuestField{"flags", 40, 4},          GuestField{"store_mfn", 44, 4},
    GuestField{"store_evtchn", 48, 4},   GuestField{"console.mfn", 52, 4},
    GuestField{"console.evtchn", 56, 4}, GuestField{"pt_base", 60, 4},
    GuestField{"nr_pt_frames", 64, 4},   GuestField{"mfn_list", 68, 4},
    GuestField{"mod_start", 72, 4},      GuestField{"mod_len", 76, 4},
};

}  // namespace

std::span<const GuestField> vcpu_basic_fields(GuestWidth width) noexcept
{
    return width == GuestWidth::bits64 ? std::span<const GuestField>{vcpu_basic_64}
                                       : std::span<const GuestField>{vcpu_basic_32};
}

std::span<const GuestField> vcpu_extended_fields() noexcept
{
    return vcpu_extended;
}

std::span<const GuestField> vcpu_xsave_fields() noexcept
{
    return vcpu_xsave;
}

std::span<const GuestField> shared_info_fields(GuestWidth width) noexcept
{
    return width == GuestWidth::bits64 ? std::span<const GuestField>{shared_info_64}
                                       : std::span<const GuestField>{shared_info_32};
}

std::span<const GuestField> start_info_fields(GuestWidth width) noexcept
{
    return width == GuestWidth::bits64 ? std::span<const GuestField>{start_info_64}
                                       : std::span<const GuestField>{start_info_32};
}

std::uint64_t value_of(const GuestField& field, unsigned index,
                       std::span<const std::byte> octets) noexcept
{
    const std::size_t at = field.offset + std::size_t{index} * field.stride;
    if (at > octets.size() || field.size > octets.size() - at) {
        return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = field.size; i > 0; --i) {
        value = value << 8U | std::to_integer<std::uint64_t>(octets[at + i - 1]);
    }
    return value;
}

std::string name_of(const GuestField& field, unsigned index)
{
    std::string name = field.name;
    if (const auto row = name.find("[]"); row != std::string::npos) {
        name.insert(row + 1, std::to_string(index));
    } else if (const auto from = name.find("[5+]"); from != std::string::npos) {
        name.replace(from, 4, std::to_string(5 + index));
    }
    return name;
}

std::string vcpu_flag_names(std::uint64_t flags)
{
    struct Named {
        std::uint64_t bit;
        const char* name;
    };
    static constexpr std::array named = {
        Named{1U << 0U, "i387_valid"},
        Named{1U << 2U, "in_kernel"},
        Named{1U << 3U, "failsafe_disables_events"},
        Named{1U << 4U, "syscall_disables_events"},
        Named{vcpu_flag_online, "online"},
    };
    std::string text;
    for (const Named& each : named) {
        if ((flags & each.bit) != 0) {
            text += (text.empty() ? "" : " ") + std::string{each.name};
            flags &= ~each.bit;
        }
    }
    if (flags != 0) {
        text += (text.empty() ? "" : " ") + format_hex(flags);
    }
    return text;
}

}  // namespace sr
