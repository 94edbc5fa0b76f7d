// SPDX-License-Identifier: LGPL-2.1-or-later
// One restore: sr_restore into a domain in the making.
#pragma once

#include "tools/toolstack/create.hpp"
#include "tools/xsr/engine_log.hpp"
#include "tools/xsr/interrupt.hpp"
#include "tools/xsr/progress_meter.hpp"

#include <optional>

namespace sr {

class RestoreJob {
public:
    /// Borrows console and interrupt.
    RestoreJob(Console& console, const Interrupt& interrupt, const std::string& domain_name,
               std::uint64_t octets_total)
        : console_{console}, interrupt_{interrupt}, meter_{console, domain_name, octets_total}
    {
    }

    /// Reads the libxc stream that fd stands at into the domain. @throws EngineFailure, Error
    void run(sr_host* host, NewDomain& domain, int fd);
    /// After run(), and once nothing is missing of the stream: makes the domain known to xenstored. @throws Error
    void introduce(NewDomain& domain) const;

    [[nodiscard]] const ProgressFacts& facts() const noexcept { return meter_.facts(); }

private:
    Console& console_;
    const Interrupt& interrupt_;
    ProgressMeter meter_;
    std::optional<sr_restore_results> results_;
};

}  // namespace sr
