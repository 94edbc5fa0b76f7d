// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving and restoring on fake hosts with either engine: libsr through xsr, or the stock one.
#pragma once

#include "tests/support/fakehost.hpp"

#include <string>
#include <vector>

namespace sr::test {

enum class Engine { libsr, stock };

[[nodiscard]] const char* to_string(Engine engine) noexcept;

/// A guest of `fakexen-guest create`, as far as a restore from a bare stream must be told.
struct GuestShape {
    const char* name = "guest";
    unsigned memory_mib = 32;
    unsigned nr_vcpus = 1;
    std::vector<std::string> options{};  ///< further ones of `create`
};

[[nodiscard]] std::string create_guest(const FakeHost& host, const GuestShape& shape);

/// Runs `xsr ARGUMENTS` on a host, without progress.
[[nodiscard]] Ended xsr(const FakeHost& host, std::vector<std::string> arguments);

/// Saves a domain into a bare libxc stream and expects that to succeed. The domain is gone then.
void save_raw(const FakeHost& host, Engine engine, const std::string& domid,
              const std::string& file);

/// Restores one, expecting that to succeed, and lets it run. @return its domid, or "" if it failed
[[nodiscard]] std::string restore_raw(const FakeHost& host, Engine engine, const std::string& file,
                                      const GuestShape& shape);

/// Expects a restored guest to count on past `count` and to find every page of its own intact.
void expect_alive(const FakeHost& host, const std::string& domid, std::uint64_t count);

/// Expects Debian's verify-stream-v2 to accept a file. @param format  "xl", "libxl" or "libxc"
void expect_stock_verifier_accepts(const std::string& file, const std::string& format);

/// Numbers of the domains on a host, dom0 left out.
[[nodiscard]] std::vector<unsigned> domains_of(const FakeHost& host);

}  // namespace sr::test
