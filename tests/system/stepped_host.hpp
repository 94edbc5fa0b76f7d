// SPDX-License-Identifier: LGPL-2.1-or-later
// A fake host whose guests run on command only, with this very process as a toolstack on it.
#pragma once

#include "sr.h"
#include "tests/support/fakehost.hpp"
#include "tools/toolstack/toolstack.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sr::test {

/// Needs the fake libraries in this process: capi_support.cpp's main() sees to that.
class SteppedHost {
public:
    /// @param more  options of `fakexen start`
    explicit SteppedHost(const std::vector<std::string>& more = {});

    /// A small guest that has lived a little and is suspended.
    /// @param more  options of `fakexen-guest`
    [[nodiscard]] std::string suspended_guest(const std::string& name,
                                              const std::vector<std::string>& more = {}) const;
    /// A suspended guest goes on, and finds all as it was. It is suspended again then.
    void expect_alive(const std::string& domid);
    /// The same for a guest that runs.
    void expect_intact(const std::string& domid) const;

    [[nodiscard]] std::uint64_t free_frames() const;
    /// What xenstore holds of domains: the names under /local/domain, /libxl and /vm.
    [[nodiscard]] std::vector<std::string> store_entries();
    /// Nobody maps memory of the domain, and its dirty log is off.
    void expect_let_go(const std::string& domid) const;

    FakeHost host;
    std::unique_ptr<Toolstack> toolstack;
    std::unique_ptr<sr_host, void (*)(sr_host*)> engine{nullptr, &sr_host_close};
};

}  // namespace sr::test
