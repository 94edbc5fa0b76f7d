// SPDX-License-Identifier: LGPL-2.1-or-later
// What verify knows of a stream at any point of it: shared by the checks of its records.
#pragma once

#include "libsr/verify/finding.hpp"
#include "libsr/verify/page_types.hpp"
#include "libsr/verify/summary.hpp"
#include "libsr/verify/table_graph.hpp"
#include "libsr/verify/verify.hpp"

#include <vector>

namespace sr {

struct Judgement {
    explicit Judgement(const VerifyOptions& options)
        : findings{options.findings_max}, types{options.page_memory_max}
    {
    }

    /// The highest pfn that a page may have here.
    [[nodiscard]] Pfn highest() const noexcept
    {
        return summary.max_pfn.value_or(Pfn{limits::pfn_max});
    }

    /// The guest's layouts, once X86_PV_INFO was there.
    [[nodiscard]] const GuestAbi* abi() const noexcept
    {
        return summary.width ? &guest_abi(*summary.width) : nullptr;
    }

    Findings findings;
    StreamSummary summary;
    PageTypes types;
    TableGraph tables;
    std::vector<Pfn>
        p2m_frames;  ///< as X86_PV_P2M_FRAMES listed them; at most the record's own bound
};

}  // namespace sr
