// SPDX-License-Identifier: LGPL-2.1-or-later
// Every bound that libsr puts on a stream, in one place, each with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sr::limits {

/// Octets of a record's body. Not in the specification: what libxc reads and writes at most
/// (REC_LENGTH_MAX), so a longer record could come from no sender that exists.
inline constexpr std::uint32_t record_length_max = 128U << 20;

/// Entries of a PAGE_DATA record that we write: what XEN_DOMCTL_getpageframeinfo3 types in one
/// call, and what libxc writes, so that 4 MiB batches stay aligned for a reader that builds
/// superpages.
inline constexpr std::size_t pages_per_record = 1024;

/// Entries of a PAGE_DATA record that we read. The record limit alone would allow 16 million
/// entries without contents, each of which costs us memory; senders write 1024.
inline constexpr std::size_t page_entries_max = std::size_t{1} << 20;

/// The highest pfn of any x86 guest: the frame field of a page-table entry holds 40 bits
/// (Intel SDM vol. 3A, "Format of a Page-Table Entry that Maps a 4-KByte Page"). A destination
/// bounds it further, by the memory the domain may own.
inline constexpr std::uint64_t pfn_max = (std::uint64_t{1} << 40) - 1;

/// The highest pfn of a PV guest: X86_PV_P2M_FRAMES counts in 32 bits.
inline constexpr std::uint64_t pv_pfn_max = 0xffff'ffff;

/// Pages of type BROKEN that a restore takes: each may cost us half a kilobyte and the sender 8
/// octets. 256 MiB of broken memory is more than any host survives.
inline constexpr std::uint64_t broken_pages_max = std::uint64_t{1} << 16;

/// vCPUs of a domain: MAX_VIRT_CPUS of a PV guest (public/xen.h; HVM guests have fewer). A
/// destination bounds it further, by the domain's own maximum.
inline constexpr std::uint32_t vcpus_max = 8192;

/// Octets of the blob of X86_PV_VCPU_EXTENDED: libxc's bound; struct xen_domctl_ext_vcpucontext is
/// 64 today.
inline constexpr std::size_t vcpu_extended_length_max = 128;

/// Octets of the blob of X86_PV_VCPU_XSAVE. At least xcr0 and xcr0_accum; at most far above any
/// XSAVE area (about 11 KiB with AMX), so that a stream cannot make us hold gigabytes for vCPUs.
inline constexpr std::size_t vcpu_xsave_length_min = 16;
inline constexpr std::size_t vcpu_xsave_length_max = std::size_t{64} << 10;

/// Entries of X86_PV_VCPU_MSRS: Xen knows a dozen.
inline constexpr std::size_t vcpu_msrs_max = 4096;

/// Leaves of X86_CPUID_POLICY and entries of X86_MSR_POLICY: Xen's own maxima are below 150 and 3.
inline constexpr std::size_t cpuid_leaves_max = 4096;
inline constexpr std::size_t msr_entries_max = 4096;

/// Entries of HVM_PARAMS: HVM_NR_PARAMS is 39.
inline constexpr std::size_t hvm_params_max = 4096;

/// Frames of a grant table: 64 is Xen's default bound. The entries of so many, of version 1, fill half of the longest record.
inline constexpr std::uint32_t grant_frames_max = 4096;

/// The highest tsc mode (public/arch-x86/cpuid.h, XEN_CPUID_TSC_MODE_*; 3 is that of old Xen,
/// PVRDTSCP, which a newer hypervisor refuses itself).
inline constexpr std::uint32_t tsc_mode_max = 3;

/// The highest frequency of a tsc, in kHz: forty times what processors have and more. Hypervisors of 2022 and before (up to 4.17.0)
/// multiply it by 1000 in 32 bits and, where that makes 0, never return.
inline constexpr std::uint32_t tsc_khz_max = 400'000'000;

/// Deviations of the order of records that a restore tells one by one: a hostile stream may consist of them.
inline constexpr std::uint64_t deviations_told_max = 16;

/// Octets that may still come of a checkpointed stream that made no sense, before its end shows that the sender is lost:
/// more than pipes, sockets and a secure shell hold on the way. A sender that says more than that is alive.
inline constexpr std::uint64_t after_nonsense_max = 16U << 20;

/// Octets of the optional data of an xl file, which is a domain's configuration: some kilobytes in
/// life.
inline constexpr std::uint32_t xl_config_length_max = 16U << 20;

/// Octets of one libxl record. Emulator contexts are megabytes; libxl itself sets no bound.
inline constexpr std::uint32_t libxl_record_length_max = 1U << 30;

/// libxl records before, behind or between libxc's part of a stream, and deviations noted in them: a handful in life.
inline constexpr std::size_t libxl_records_max = 1024;

/// Octets of EMULATOR_XENSTORE_DATA: some keys for each video memory region.
inline constexpr std::size_t libxl_xenstore_length_max = std::size_t{1} << 20;

/// Pairs of key and value in all EMULATOR_XENSTORE_DATA of a stream, which are kept: an empty pair is 2 octets on the
/// wire and 64 here, so that a gigabyte of zeros would be 32.
inline constexpr std::size_t libxl_xenstore_pairs_max = 8192;

}  // namespace sr::limits
