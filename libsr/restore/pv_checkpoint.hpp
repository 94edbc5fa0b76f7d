// SPDX-License-Identifier: LGPL-2.1-or-later
// What a checkpointed stream says of a PV guest between two CHECKPOINT records, kept until the second one.
#pragma once

#include "libsr/mem/guest_abi.hpp"
#include "libsr/restore/page_buffer.hpp"
#include "libsr/restore/vcpu_records.hpp"
#include "libsr/wire/stream_reader.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

struct PvState;
class GuestMemory;
class LoadedPageVisitor;

/// The next checkpoint of a PV guest. Every record is checked when it comes, so that applying finds nothing wrong with
/// the stream; until then nothing of the domain is changed.
class PvCheckpoint {
public:
    /// @param max_pages, nr_vcpus  that the domain may have
    PvCheckpoint(const GuestAbi& abi, std::uint64_t max_pages, std::uint32_t nr_vcpus)
        : abi_{abi}, max_pages_{max_pages}, nr_vcpus_{nr_vcpus}, pages_{max_pages}, vcpus_{
                                                                                        abi.width,
                                                                                        nr_vcpus}
    {
    }

    /// Takes the PAGE_DATA record at hand. @throws Error{malformed}, {limit}, {io}
    void read_pages(StreamReader& reader, const RestoreP2m& p2m);
    /// More of the guest's p2m than `pv` has, or elsewhere. @throws Error{malformed}
    void apply_p2m_frames(const P2mFrames& frames, const PvState& pv);
    void apply_vcpu(RecordType type, std::span<const std::byte> body) { vcpus_.apply(type, body); }
    void apply_shared_info(std::span<const std::byte> body);

    /// Makes the guest this checkpoint's, in two steps. The first changes nothing of the domain: it checks that a guest can
    /// be completed so, by its tables, its frames, its start_info and its vCPUs. If it throws, `pv` is what it was.
    /// @throws Error{malformed}, {limit}, {hypervisor}
    void prepare(PvState& pv, GuestMemory& memory);
    /// The second takes frames for new pages, if need be those of pages that are gone, and puts contents, vCPUs and
    /// shared_info in place. If it throws, the guest is neither.
    /// @param visitor  finishes pages once they are in place @throws Error{hypervisor}
    void apply(PvState& pv, GuestMemory& memory, LoadedPageVisitor& visitor, VcpuRecords& vcpus);

    /// As new, for the checkpoint after.
    void clear();

private:
    class Before;
    void check_tables(std::span<const PageEntry> entries, Pfn highest) const;
    void check_targets(const PvState& pv, Before& before) const;
    void choose_frames(GuestMemory& memory, std::uint64_t nr_new);

    const GuestAbi& abi_;
    std::uint64_t max_pages_;
    std::uint32_t nr_vcpus_;
    PageBuffer pages_;
    VcpuRecords vcpus_;
    Octets shared_info_;
    struct P2mPlace {
        Pfn highest;
        std::vector<Pfn> frames;
    };
    std::optional<P2mPlace> p2m_place_;  ///< if X86_PV_P2M_FRAMES came
    std::vector<Pfn> spare_;  ///< pages that are gone, whose frames apply() has to give back
};

}  // namespace sr
