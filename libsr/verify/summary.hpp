// SPDX-License-Identifier: LGPL-2.1-or-later
// The facts about a stream that a person wants on one page.
#pragma once

#include "libsr/wire/container.hpp"
#include "libsr/wire/decode.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sr {

/// Records of one type, or a vCPU's.
struct RecordCount {
    std::uint64_t records = 0;
    std::uint64_t octets = 0;  ///< of bodies
};

/// The records that one vCPU has: octets of each blob, none where there is no record.
struct VcpuFacts {
    std::optional<std::uint32_t> basic;
    std::optional<std::uint32_t> extended;
    std::optional<std::uint32_t> xsave;
    std::optional<std::uint32_t> msrs;
};

/// Memory as the PAGE_DATA records describe it.
struct PageFacts {
    std::uint64_t entries = 0;          ///< pages listed, repeats included
    std::uint64_t contents_octets = 0;  ///< page contents
    std::uint64_t repeats = 0;          ///< entries for a pfn that had been listed before
    std::uint64_t rounds = 0;    ///< runs of rising pfns from record to record: passes over memory
    std::optional<Pfn> highest;  ///< highest pfn listed
    std::array<std::uint64_t, 16> by_type{};  ///< pfns by the type they had last, by wire value
};

/// What is known about a stream as far as it could be read.
struct StreamSummary {
    ContainerKind container = ContainerKind::libxc;
    std::optional<XlHeader> xl;
    bool converted_from_legacy = false;
    std::vector<LibxlRecord> libxl_records;
    std::uint64_t trailing_octets = 0;
    std::uint64_t total_octets = 0;  ///< of the source, as far as it was read

    std::optional<ImageHeader> image;
    std::optional<DomainHeader> domain;

    std::optional<GuestWidth> width;  ///< PV
    std::optional<Pfn> max_pfn;       ///< PV: the highest that X86_PV_P2M_FRAMES covers
    std::uint64_t p2m_frames = 0;     ///< PV

    std::map<std::uint32_t, RecordCount> records;  ///< by type; at most 64 types that nobody knows
    std::uint64_t nr_records = 0;
    std::uint64_t checkpoints = 0;
    bool verify_pass = false;  ///< memory was sent a second time, to be compared

    PageFacts pages;
    std::map<std::uint32_t, VcpuFacts> vcpus;  ///< by id

    std::optional<TscInfo> tsc;
    std::vector<CpuidLeaf> cpuid;
    std::vector<MsrEntry> msrs;
    std::vector<HvmParam> hvm_params;
    std::optional<std::uint64_t> hvm_context_octets;

    std::optional<GrantTableInfo> grant_info;  ///< our own extension, where the sender was told to
    std::optional<GrantTableEntries> grants;

    bool complete = false;  ///< read to its END
};

}  // namespace sr
