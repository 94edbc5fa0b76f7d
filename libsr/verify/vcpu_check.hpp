// SPDX-License-Identifier: LGPL-2.1-or-later
// Judges the records of PV vCPUs.
#pragma once

#include "libsr/verify/judgement.hpp"

#include <span>

namespace sr {

/// One of the four vCPU records. Frames that a context names must have been sent before it, as what
/// they are used for.
/// @throws Error as decode_vcpu
void check_vcpu_record(RecordType type, std::span<const std::byte> body, Judgement& judgement);

}  // namespace sr
