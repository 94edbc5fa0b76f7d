// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of the record types.
#include "libsr/wire/record_type.hpp"

namespace sr {

const char* name_of(RecordType type) noexcept
{
    switch (type) {
    case RecordType::end:
        return "END";
    case RecordType::page_data:
        return "PAGE_DATA";
    case RecordType::x86_pv_info:
        return "X86_PV_INFO";
    case RecordType::x86_pv_p2m_frames:
        return "X86_PV_P2M_FRAMES";
    case RecordType::x86_pv_vcpu_basic:
        return "X86_PV_VCPU_BASIC";
    case RecordType::x86_pv_vcpu_extended:
        return "X86_PV_VCPU_EXTENDED";
    case RecordType::x86_pv_vcpu_xsave:
        return "X86_PV_VCPU_XSAVE";
    case RecordType::shared_info:
        return "SHARED_INFO";
    case RecordType::x86_tsc_info:
        return "X86_TSC_INFO";
    case RecordType::hvm_context:
        return "HVM_CONTEXT";
    case RecordType::hvm_params:
        return "HVM_PARAMS";
    case RecordType::toolstack:
        return "TOOLSTACK";
    case RecordType::x86_pv_vcpu_msrs:
        return "X86_PV_VCPU_MSRS";
    case RecordType::verify:
        return "VERIFY";
    case RecordType::checkpoint:
        return "CHECKPOINT";
    case RecordType::checkpoint_dirty_pfn_list:
        return "CHECKPOINT_DIRTY_PFN_LIST";
    case RecordType::static_data_end:
        return "STATIC_DATA_END";
    case RecordType::x86_cpuid_policy:
        return "X86_CPUID_POLICY";
    case RecordType::x86_msr_policy:
        return "X86_MSR_POLICY";
    case RecordType::grant_table_info:
        return "SR_GRANT_TABLE_INFO";
    case RecordType::grant_table_entries:
        return "SR_GRANT_TABLE_ENTRIES";
    }
    return "unknown";
}

const char* name_of(std::uint32_t type) noexcept
{
    const auto named = record_type_from_wire(type);
    return named ? name_of(*named) : "unknown";
}

}  // namespace sr
