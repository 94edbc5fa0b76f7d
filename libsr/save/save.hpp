// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving a domain: the one entry point, and what it asks of whoever calls.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/base/log.hpp"
#include "libsr/base/progress.hpp"
#include "libsr/xen/host.hpp"

#include <cstdint>

namespace sr {

/// What the engine asks of a toolstack while it saves. Called on the thread that saves.
class SaveCaller {
public:
    SaveCaller() = default;
    SaveCaller(const SaveCaller&) = delete;
    SaveCaller& operator=(const SaveCaller&) = delete;
    virtual ~SaveCaller() = default;

    /// Suspends the guest; returns once it has shut down for suspend.
    /// @throws Error{usage} if the caller offers no such operation, Error{callback} if it failed
    virtual void suspend() = 0;
    virtual void progress(const Progress& progress) = 0;
};

/// Writes the state of a PV domain to `sink` as a version 3 stream, from image header to END.
/// Suspends the guest first if it is not suspended; leaves it suspended.
///
/// @throws Error: see Errc. Whatever it is, the domain can still be resumed: nothing of it was
/// changed
void save_domain(const Host& host, std::uint32_t domid, Sink& sink, SaveCaller& caller,
                 Logger& log);

}  // namespace sr
