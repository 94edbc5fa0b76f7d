// SPDX-License-Identifier: LGPL-2.1-or-later
// Restoring a domain: the one entry point, and what it asks of whoever calls.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/base/log.hpp"
#include "libsr/base/progress.hpp"
#include "libsr/mem/grant_entry.hpp"
#include "libsr/wire/order.hpp"
#include "libsr/xen/host.hpp"

#include <cstdint>
#include <optional>

namespace sr {

/// One end of a ring that the toolstack prepared: the guest's event channel, and whose the other
/// end is.
struct RingEnd {
    std::uint32_t evtchn = 0;
    std::uint32_t backend_domid = 0;
};

struct RestoreSettings {
    StreamKind stream = StreamKind::plain;
    RingEnd store;
    RingEnd console;
    std::optional<GrantVersion> max_grant_version{};  ///< that the domain may use, if it is known
};

/// What static data the stream did not hold.
struct MissingPolicy {
    bool cpuid = true;
    bool msrs = true;
};

/// What a toolstack needs to know of a restored domain.
struct RestoreResults {
    std::uint64_t store_gfn = 0;    ///< mfn of a PV domain
    std::uint64_t console_gfn = 0;  ///< the same
};

/// What became of the rest of a checkpoint, which the toolstack reads itself.
enum class CheckpointRest : std::uint8_t {
    complete,
    lost,  ///< the sender is gone: the checkpoint before it is the guest's last
};

/// What the engine asks of a toolstack while it restores. Called on the thread that restores.
class RestoreCaller {
public:
    RestoreCaller() = default;
    RestoreCaller(const RestoreCaller&) = delete;
    RestoreCaller& operator=(const RestoreCaller&) = delete;
    virtual ~RestoreCaller() = default;

    /// Stream and domain were found to fit each other: the domain is no longer what it was, and of
    /// no use unless the restore succeeds. Called before each record that is applied.
    virtual void domain_changes() noexcept = 0;
    /// Before any memory: the last moment to supply what is missing. @throws Error{callback}
    virtual void static_data_done(const MissingPolicy& missing) = 0;
    /// The stream stands behind a CHECKPOINT record, and is the toolstack's until this returns. @throws Error{callback}
    [[nodiscard]] virtual CheckpointRest checkpoint() = 0;
    virtual void progress(const Progress& progress) = 0;
};

/// Reads a stream from `source`, positioned at its image header, through END and no further, into a
/// new, paused domain that has no memory yet.
///
/// From the first CHECKPOINT of a checkpointed stream on the domain is at any time what it was at the last whole
/// checkpoint: what comes after that is kept beside it until the next one. So if the stream ends or breaks off then, the
/// domain is completed from the last checkpoint, and that is a success. So it is after nonsense, once the stream has ended:
/// a sender that goes on may be well and its guest run, and then this fails (limits::after_nonsense_max). A failure on this
/// side (a hypercall, memory, the toolstack, a request to stop) is a failure still.
///
/// @throws Error: see Errc; with the record's place if one is at fault. The domain is incomplete
/// then
[[nodiscard]] RestoreResults restore_domain(const Host& host, std::uint32_t domid, Source& source,
                                            const RestoreSettings& settings, RestoreCaller& caller,
                                            Logger& log);

}  // namespace sr
