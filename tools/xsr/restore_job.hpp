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
    RestoreJob(Console& console, const std::string& domain_name, std::uint64_t octets_total)
        : console_{console}, meter_{console, domain_name, octets_total}
    {
    }

    /// Reads the libxc stream that fd stands at into the domain, and introduces that to xenstored.
    /// @throws EngineFailure, Error
    void run(sr_host* host, NewDomain& domain, int fd);

    [[nodiscard]] const ProgressFacts& facts() const noexcept { return meter_.facts(); }
    [[nodiscard]] const Interrupt& interrupt() const noexcept { return interrupt_; }

private:
    Console& console_;
    Interrupt interrupt_;
    ProgressMeter meter_;
    std::optional<sr_restore_results> results_;
};

}  // namespace sr
