// SPDX-License-Identifier: LGPL-2.1-or-later
// Restoring a domain: the one entry point, and what it asks of whoever calls.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/base/log.hpp"
#include "libsr/base/progress.hpp"
#include "libsr/xen/host.hpp"

#include <cstdint>

namespace sr {

/// One end of a ring that the toolstack prepared: the guest's event channel, and whose the other
/// end is.
struct RingEnd {
    std::uint32_t evtchn = 0;
    std::uint32_t backend_domid = 0;
};

struct RestoreSettings {
    RingEnd store;
    RingEnd console;
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
    virtual void progress(const Progress& progress) = 0;
};

/// Reads a stream from `source`, positioned at its image header, through END and no further, into a
/// new, paused domain that has no memory yet.
///
/// @throws Error: see Errc; with the record's place if one is at fault. The domain is incomplete
/// then
[[nodiscard]] RestoreResults restore_domain(const Host& host, std::uint32_t domid, Source& source,
                                            const RestoreSettings& settings, RestoreCaller& caller,
                                            Logger& log);

}  // namespace sr
