// SPDX-License-Identifier: LGPL-2.1-or-later
// Fake Xen hosts for system tests, and the guests on them.
#pragma once

#include "tests/support/command.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sr::test {

/// A fakexen host in a directory of its own, for as long as this lives. Its end is a test too: what is left over (foreign
/// mappings, log-dirty, references) fails the running test.
class FakeHost {
public:
    /// @param options  of `fakexen start`, such as "--memory", "256M", "--step"
    explicit FakeHost(std::vector<std::string> options = {"--memory", "256M"});
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;
    ~FakeHost();

    /// The host's directory, for FAKEXEN_HOST. Its log is the file "log" there.
    [[nodiscard]] std::string path() const { return directory_.path() + "/host"; }
    /// FAKEXEN_HOST and LD_LIBRARY_PATH, so that any toolstack finds this host.
    [[nodiscard]] Environment environment() const;

    /// Runs a command against this host.
    [[nodiscard]] Ended run(const std::vector<std::string>& argv,
                            const Environment& more = {}) const;
    /// Runs `fakexen ARGUMENTS` or `fakexen-guest ARGUMENTS`, which has to succeed. @return what it printed
    std::string fakexen(std::vector<std::string> arguments) const;
    std::string guest(std::vector<std::string> arguments) const;

    /// Creates a guest, with options of `fakexen-guest create`. @return its domid as text
    [[nodiscard]] std::string create_guest(std::vector<std::string> options = {}) const;

    /// "running", "paused", "suspended", "crashed" …, or "gone": what the hypervisor says.
    [[nodiscard]] std::string state_of(const std::string& domid) const;
    /// The guest's own count of its quanta, its verdict on itself.
    [[nodiscard]] std::uint64_t count_of(const std::string& domid) const;
    [[nodiscard]] std::string verdict_of(const std::string& domid) const;

    /// Waits until the guest has counted up to `count` or does not run any more. @return its count then
    std::uint64_t await_count(const std::string& domid, std::uint64_t count) const;
    /// On a host with "--step": waits until a process plays the guest, which one that was unpaused gets soon.
    void await_player(const std::string& domid) const;
    /// On a host with "--step": lets it run n quanta and waits for their end, or until it does not run any more.
    void step(const std::string& domid, std::uint64_t n) const;
    /// Has the guest suspend and waits for that, on a host with "--step" too.
    void suspend(const std::string& domid) const;

    /// The last lines that the host and its guests logged.
    [[nodiscard]] std::string log() const;

private:
    TemporaryDirectory directory_;
    bool stepped_;
};

}  // namespace sr::test
