// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of records in a libxc stream as one state machine, which save, restore and verify
// share.
#pragma once

#include "libsr/wire/decode.hpp"

#include <cstdint>

namespace sr {

/// Whether a stream may hold CHECKPOINT records. The stream does not say: whoever set it up knows.
enum class StreamKind : std::uint8_t {
    plain,
    checkpointed,  ///< Remus or COLO
};

/// What a record means by its place, beyond its body.
struct OrderStep {
    /// Version 2 only: static data ended before this record. Act as at a STATIC_DATA_END first ("v3
    /// compat with v2").
    bool ends_static_data = false;
    /// What is wrong with the place although a restore lets it pass, as a clause; nullptr if
    /// nothing is.
    const char* deviation = nullptr;
};

/// The records seen so far, and with them which may come next:
///
///     v3 PV    PV_INFO, CPUID and MSR policy → STATIC_DATA_END → P2M_FRAMES → PAGE_DATA (→ VERIFY
///     → PAGE_DATA)
///              → VCPU_* → END; SHARED_INFO and TSC_INFO anywhere between STATIC_DATA_END and END
///     v3 HVM   CPUID and MSR policy → STATIC_DATA_END → PAGE_DATA, TSC_INFO, HVM_PARAMS,
///     HVM_CONTEXT → END v2       the same without policies; STATIC_DATA_END lies before the first
///     P2M_FRAMES (PV) or PAGE_DATA (HVM) CHECKPOINT stands where END could, and all from PAGE_DATA
///     on comes again after it
///
/// Of our own extensions GRANT_TABLE_INFO stands before STATIC_DATA_END, and GRANT_TABLE_ENTRIES behind all memory; neither
/// in a checkpointed stream (docs/stream-extensions.md).
///
/// (libxc-migration-stream.pandoc, "Layout" and "Compatibility with older versions".) What senders
/// that exist write although it is wrong (HVM_PARAMS after HVM_CONTEXT), and what a restore can do
/// nothing wrong with, are deviations.
class RecordOrder {
public:
    /// @param version  2 or 3
    RecordOrder(std::uint32_t version, DomainType domain,
                StreamKind kind = StreamKind::plain) noexcept
        : version_{version}, domain_{domain}, kind_{kind}
    {
    }

    /// Takes the next record's type. @throws Error, changing nothing, for a record that a restore
    /// must refuse here:
    ///         {malformed} out of order, again, after END, of the other kind of domain, of the back
    ///         channel; {unsupported} a mandatory record that nobody knows, and TOOLSTACK
    [[nodiscard]] OrderStep accept(std::uint32_t type);

    /// Goes on as if the record, which accept() refused, had been in order, so that verify can find
    /// the next mistake and not the same one again.
    void assume(std::uint32_t type) noexcept;

    /// True once END was accepted.
    [[nodiscard]] bool finished() const noexcept;

    [[nodiscard]] bool has_seen(RecordType type) const noexcept;

    /// True if anything but END came since the last CHECKPOINT, or since the start.
    [[nodiscard]] bool within_checkpoint() const noexcept;

private:
    using Set = std::uint32_t;  ///< of record types, a bit for each

    [[nodiscard]] bool infers_static_data_end(RecordType type) const noexcept;
    [[nodiscard]] Set needs_of(RecordType type) const noexcept;
    void refuse_out_of_place(RecordType type) const;
    void refuse_missing(RecordType type, Set seen) const;
    [[nodiscard]] const char* deviation_of(RecordType type) const noexcept;
    void note(RecordType type) noexcept;

    std::uint32_t version_;
    DomainType domain_;
    StreamKind kind_;
    Set seen_ = 0;  ///< since the start, or for what each checkpoint repeats, since that
    Set since_checkpoint_ = 0;  ///< since the last CHECKPOINT
};

}  // namespace sr
