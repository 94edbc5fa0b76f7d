// SPDX-License-Identifier: LGPL-2.1-or-later
// Judges the bodies of all records but PAGE_DATA.
#pragma once

#include "libsr/verify/judgement.hpp"

#include <span>

namespace sr {

/// Decodes the body, notes what it says in the summary, and reports what is wrong with it. Types
/// that nobody knows pass.
/// @throws Error as the record's decoder
void check_record(RecordType type, std::span<const std::byte> body, Judgement& judgement);

/// What is reserved in a header or a record and not zero. Takes any body, however malformed.
void check_reserved(const ImageHeaderLayout& header, Findings& findings);
void check_reserved(const DomainHeaderLayout& header, Findings& findings);
void check_reserved(RecordType type, std::span<const std::byte> body, Findings& findings);

/// What only the end of the stream can tell: P2M frames, page tables, vCPU 0.
void check_whole(Judgement& judgement);

}  // namespace sr
