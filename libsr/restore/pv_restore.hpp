// SPDX-License-Identifier: LGPL-2.1-or-later
// What is PV's own in a restore: the guest's width, its p2m and its page tables, as records bring
// them.
#pragma once

#include "libsr/base/log.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/restore/guest_memory.hpp"
#include "libsr/restore/page_loader.hpp"
#include "libsr/restore/pv_checkpoint.hpp"
#include "libsr/restore/pv_verify.hpp"
#include "libsr/restore/restore.hpp"
#include "libsr/restore/vcpu_records.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/xen/domain.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// What the stream says of a PV guest, gathered until its domain can be completed.
struct PvState {
    explicit PvState(const GuestAbi& guest_abi) : abi{guest_abi}, p2m{guest_abi} {}

    const GuestAbi& abi;
    RestoreP2m p2m;
    std::vector<Pfn>
        p2m_frames;      ///< by number of the leaf; X86_PV_P2M_FRAMES, which may come again
    Octets shared_info;  ///< empty until it came
};

/// Takes over what X86_PV_P2M_FRAMES lists: more of the guest's p2m, or another place of what was listed before.
/// @param highest  the guest's highest pfn, this record's included
/// @throws Error{malformed}, changing nothing, if it leaves a gap, or names a frame past `highest`
void merge_p2m_frames(std::vector<Pfn>& list, const P2mFrames& frames, Pfn highest);

/// A PV domain under restore. Takes records in any order that RecordOrder allows, and can be left
/// and entered again between any two; complete() makes of what they said a domain that can run.
class PvRestore final : public LoadedPageVisitor {
public:
    /// Borrows domain and log.
    PvRestore(const Domain& domain, const DomainInfo& info, const RestoreSettings& settings,
              Logger& log)
        : domain_{domain}, info_{info}, settings_{settings}, log_{log}
    {
    }

    void apply_pv_info(GuestWidth width);
    void apply_p2m_frames(std::span<const std::byte> body);
    void apply_page_data(StreamReader& reader);
    /// Before any other record: waits until the pages of those before it are in place.
    void settle_pages();
    void apply_vcpu(RecordType type, std::span<const std::byte> body);
    void apply_shared_info(std::span<const std::byte> body);

    /// From now on pages are compared, not loaded: see PvVerify. @throws Error{mismatch} as end_verify()
    void begin_verify()
    {
        end_verify();
        verify_.emplace(state(), *memory_);
    }
    /// No more pages to be compared come. @throws Error{mismatch}
    void end_verify();

    /// What came so far is a whole guest, and what comes from now on is kept until it is one too.
    /// @throws Error{malformed} if it is none
    void begin_checkpoints();
    /// What was kept is whole: see PvCheckpoint, which does these.
    void prepare_checkpoint() { next_->prepare(state(), *memory_); }
    void apply_checkpoint() { next_->apply(state(), *memory_, *this, *vcpus_); }
    /// Nothing more comes: what was kept is dropped.
    void end_checkpoints() noexcept { next_.reset(); }

    /// The domain as the guest left it: see pv_completion.hpp.
    [[nodiscard]] RestoreResults complete();

    /// See PageLoader, which counts these.
    [[nodiscard]] std::uint32_t nr_passes() const noexcept;
    [[nodiscard]] std::uint64_t nr_arrived() const noexcept;
    [[nodiscard]] std::uint64_t nr_loaded() const noexcept;
    /// Pfns that the guest's p2m has room for; 0 before that is known.
    [[nodiscard]] std::uint64_t nr_pfns() const noexcept;

private:
    void loaded(const LoadedPages& pages) override;
    void populate_targets(const LoadedPages& pages);
    void refuse_past_room(const P2mFrames& frames) const;
    [[nodiscard]] PvState& state();

    const Domain& domain_;
    DomainInfo info_;
    RestoreSettings settings_;
    Logger& log_;
    // Engaged by X86_PV_INFO, which RecordOrder has come before all others.
    std::optional<PvState> state_;
    std::optional<GuestMemory> memory_;
    std::optional<VcpuRecords> vcpus_;
    std::optional<PvCheckpoint> next_;  ///< engaged from the first checkpoint on
    std::optional<PvVerify> verify_;
    std::vector<std::uint64_t> targets_;  ///< scratch of loaded()
    std::optional<PageLoader> loader_;    // last: its thread ends before what it works on
};

}  // namespace sr
