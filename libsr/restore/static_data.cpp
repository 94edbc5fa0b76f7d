// SPDX-License-Identifier: LGPL-2.1-or-later
// CPU policies from the stream to the domain.
#include "libsr/restore/static_data.hpp"

#include "libsr/xen/cpu_policy.hpp"

namespace sr {

void StaticData::apply(RecordType type, std::span<const std::byte> body)
{
    // Decoded to be checked; the hypervisor takes the very octets that the stream carries.
    if (type == RecordType::x86_cpuid_policy) {
        (void)decode_cpuid_policy(body);
        leaves_.assign(body.begin(), body.end());
    } else {
        (void)decode_msr_policy(body);
        msrs_.assign(body.begin(), body.end());
    }
}

MissingPolicy StaticData::end()
{
    const MissingPolicy missing{.cpuid = leaves_.empty(), .msrs = msrs_.empty()};
    if (!missing.cpuid || !missing.msrs) {
        set_cpu_policy(domain_, leaves_, msrs_);
    }
    return missing;
}

}  // namespace sr
