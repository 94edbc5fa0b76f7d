// SPDX-License-Identifier: LGPL-2.1-or-later
// Save helpers of either engine, driven on fake hosts.
#pragma once

#include "tests/system/engines.hpp"

#include <string>
#include <vector>

namespace sr::test {

/// Where the save helper of an engine is.
[[nodiscard]] std::string helper_of(Engine engine);

/// `helper-driver save HELPER STREAM DOMID OPTIONS`, running.
[[nodiscard]] Running start_save(const FakeHost& host, Engine engine, const std::string& stream,
                                 const std::string& domid, std::vector<std::string> options = {},
                                 const Environment& more = {});

/// `helper-driver restore HELPER STREAM NAME KIB VCPUS OPTIONS`, running.
[[nodiscard]] Running start_restore(const FakeHost& host, Engine engine, const std::string& stream,
                                    const GuestShape& shape, std::vector<std::string> options = {},
                                    const Environment& more = {});

/// The number of the domain that a driver says it made; "" if it made none.
[[nodiscard]] std::string domain_made(const Ended& restored);

/// Whether a driver has printed such a line, or one that begins so.
[[nodiscard]] bool has_line(const Ended& ended, const std::string& beginning);

}  // namespace sr::test
