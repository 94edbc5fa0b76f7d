// SPDX-License-Identifier: LGPL-2.1-or-later
// The static part of a stream: CPU policies, applied at once when all of them are there.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/restore/restore.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/xen/domain.hpp"

#include <span>

namespace sr {

class StaticData {
public:
    /// Borrows domain.
    explicit StaticData(const Domain& domain) noexcept : domain_{domain} {}

    /// Keeps X86_CPUID_POLICY or X86_MSR_POLICY. @throws Error{malformed}
    void apply(RecordType type, std::span<const std::byte> body);

    /// Gives the domain what came. @return what did not
    /// @throws Error{mismatch} naming what this host cannot give
    [[nodiscard]] MissingPolicy end();

private:
    const Domain& domain_;
    Octets leaves_;
    Octets msrs_;
};

}  // namespace sr
