// SPDX-License-Identifier: LGPL-2.1-or-later
// Suspending as Linux does, and what the kernel does when it runs again.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <cstdint>

namespace fakexen::guest {

/// Prepares and makes the suspend hypercall. After it the kernel touches nothing in this quantum.
void suspend(Kernel& kernel);

/// Makes the hypercall that ends the domain's run for another reason.
void shut_down(const Kernel& kernel, unsigned reason);

/// vCPU 0 came back from the suspend hypercall with this in rax: 1 when the suspend was cancelled,
/// 0 in a domain that was restored, or resumed as if it were. Checks everything and reports.
void resume(Kernel& kernel, std::uint64_t rax);

}  // namespace fakexen::guest
