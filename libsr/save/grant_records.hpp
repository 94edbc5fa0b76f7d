// SPDX-License-Identifier: LGPL-2.1-or-later
// The records of a guest's grant table (docs/stream-extensions.md), from the hypervisor to the stream.
#pragma once

#include "libsr/base/log.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/wire/stream_writer.hpp"
#include "libsr/xen/domain.hpp"
#include "libsr/xen/grant_table.hpp"

#include <optional>

namespace sr {

/// GRANT_TABLE_INFO, for a restore to check before it applies anything. Maps the entries, although they are recorded at the
/// end only: a host that refuses them is to fail a live save while the guest runs.
/// @param max_version  what the caller says that the domain may use, which no call tells; one that is less than what it
///                     uses is wrong, and recorded as not known
/// @throws Error{hypervisor}, Error{limit} for a table that is too large for the record
void write_grant_table_info(const Domain& domain, GrantTable& grants,
                            std::optional<GrantVersion> max_version, StreamWriter& writer,
                            Logger& log);

/// GRANT_TABLE_ENTRIES of a suspended guest. An entry whose frame is not the guest's is sent without it: that is no reason
/// to fail a save, since the guest may write there what it likes.
/// @throws as above
void write_grant_table_entries(const Domain& domain, GrantTable& grants,
                               const FrameTranslator& translator, StreamWriter& writer,
                               Logger& log);

}  // namespace sr
