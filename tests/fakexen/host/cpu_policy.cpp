// SPDX-License-Identifier: LGPL-2.1-or-later
// The default policy and the checks of a new one.
#include "tests/fakexen/host/cpu_policy.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fakexen {
namespace {

constexpr std::uint32_t no_subleaf = XEN_CPUID_NO_SUBLEAF;
constexpr std::uint32_t msr_platform_info = 0xce;
constexpr std::uint32_t msr_arch_capabilities = 0x10a;

/// Ranges of leaves that Xen 4.17 keeps: basic up to 0x1c, hypervisor, extended up to 0x8000001f + 2.
bool is_known_leaf(std::uint32_t leaf)
{
    return leaf <= 0x1c || leaf == 0x40000000 || leaf == 0x40000100 ||
           (leaf >= 0x80000000 && leaf <= 0x80000021);
}

bool is_known_msr(std::uint32_t index)
{
    return index == msr_platform_info || index == msr_arch_capabilities;
}

bool has_leaf_0(const std::vector<xen_cpuid_leaf_t>& leaves)
{
    return std::any_of(leaves.begin(), leaves.end(),
                       [](const auto& leaf) { return leaf.leaf == 0; });
}

void merge_leaf(std::vector<xen_cpuid_leaf_t>& into, const xen_cpuid_leaf_t& leaf)
{
    const auto key = [](const xen_cpuid_leaf_t& l) { return std::pair{l.leaf, l.subleaf}; };
    const auto at = std::lower_bound(into.begin(), into.end(), leaf,
                                     [&](const auto& a, const auto& b) { return key(a) < key(b); });
    if (at != into.end() && key(*at) == key(leaf)) {
        *at = leaf;
    } else {
        into.insert(at, leaf);
    }
}

void merge_msr(std::vector<xen_msr_entry_t>& into, const xen_msr_entry_t& msr)
{
    const auto at = std::find_if(into.begin(), into.end(),
                                 [&](const auto& other) { return other.idx == msr.idx; });
    if (at != into.end()) {
        *at = msr;
    } else {
        into.push_back(msr);
    }
}

}  // namespace

CpuPolicy default_cpu_policy()
{
    // leaf, subleaf, a, b, c, d. "GenuineIntel", a family 6 model with what a PV Linux needs; xsave with AVX.
    return {.leaves = {{0x0, no_subleaf, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69},
                       {0x1, no_subleaf, 0x000306f2, 0x00010800, 0x9e980201, 0x0789fbff},
                       {0x7, 0, 0, 0, 0, 0},
                       {0xd, 0, 0x7, 0x340, 0x340, 0},
                       {0xd, 1, 0x1, 0, 0, 0},
                       {0x40000000, no_subleaf, 0x40000005, 0x566e6558, 0x65584d4d, 0x4d4d566e},
                       {0x80000000, no_subleaf, 0x80000008, 0, 0, 0},
                       {0x80000001, no_subleaf, 0, 0, 0x21, 0x20100800},
                       {0x80000008, no_subleaf, 0x3028, 0, 0, 0}},
            .msrs = {{msr_platform_info, 0, 0}, {msr_arch_capabilities, 0, 0}}};
}

CpuPolicyError merge_cpu_policy(CpuPolicy& policy, const std::vector<xen_cpuid_leaf_t>& leaves,
                                const std::vector<xen_msr_entry_t>& msrs)
{
    for (const auto& leaf : leaves) {
        if (!is_known_leaf(leaf.leaf)) {
            return {.result = -ERANGE, .leaf = leaf.leaf, .subleaf = leaf.subleaf};
        }
    }
    for (const auto& msr : msrs) {
        if (msr.flags != 0) {
            return {.result = -EINVAL, .msr = msr.idx};
        }
        if (!is_known_msr(msr.idx)) {
            return {.result = -ERANGE, .msr = msr.idx};
        }
        if (msr.idx == msr_platform_info && msr.val >> 32 != 0) {
            return {.result = -EOVERFLOW, .msr = msr.idx};
        }
    }
    if (has_leaf_0(leaves)) {
        policy.leaves.clear();  // a whole policy: what it does not name is not there
    }
    for (const auto& leaf : leaves) {
        merge_leaf(policy.leaves, leaf);
    }
    for (const auto& msr : msrs) {
        merge_msr(policy.msrs, msr);
    }
    return {};
}

}  // namespace fakexen
