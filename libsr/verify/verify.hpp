// SPDX-License-Identifier: LGPL-2.1-or-later
// Judges a whole stream without a hypervisor, and says what is in it.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/verify/finding.hpp"
#include "libsr/verify/summary.hpp"
#include "libsr/wire/order.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sr {

struct VerifyOptions {
    StreamKind kind = StreamKind::plain;
    std::size_t findings_max = 1000;  ///< to keep; all are counted
    /// Memory for the types of pages: about an octet for each page of a guest. Past it, what needs
    /// them is not checked.
    std::size_t page_memory_max = std::size_t{512} << 20;
    bool count_trailing =
        true;  ///< read on to the end of the source; not on a connection that stays open
};

struct VerifyReport {
    std::vector<Finding> findings;  ///< in stream order; those that only the end can tell come last
    std::uint64_t nr_errors = 0;
    std::uint64_t nr_deviations = 0;
    bool checked_all = true;  ///< false where page_memory_max was passed
    StreamSummary summary;

    /// True if a restore would take the stream.
    [[nodiscard]] bool restorable() const noexcept { return nr_errors == 0; }
};

/// Reads a stream in any container to its end and judges all of it against the specifications:
/// every deviation is a finding. Goes on past what is wrong, and stops at what cannot be framed,
/// which is a finding too.
///
/// @throws Error{cancelled}, std::bad_alloc; never for what is in the stream
[[nodiscard]] VerifyReport verify_stream(Source& source, const VerifyOptions& options = {});

}  // namespace sr
