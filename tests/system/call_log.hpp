// SPDX-License-Identifier: LGPL-2.1-or-later
// The calls that a fake host was asked, and how each of them can fail on a real one.
#pragma once

#include "tests/support/fakehost.hpp"

#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sr::test {

/// A call as `fakexen calls` prints it: "17 PID PROGRAM CALL = RESULT".
struct LoggedCall {
    std::uint64_t number = 0;
    pid_t process = 0;
    std::string program;
    std::string name;  ///< "domctl.getdomaininfo", "map"
    std::string result;
};

/// The last 20000 calls, oldest first.
[[nodiscard]] std::vector<LoggedCall> logged_calls(const FakeHost& host);

/// Number of the last call; 0 if there was none.
[[nodiscard]] std::uint64_t last_call(const FakeHost& host);

/// How often each call was made after number `after`, where `chosen` says that it counts. Unmapping cannot fail, and
/// is left out.
[[nodiscard]] std::map<std::string, int>
count_calls(const FakeHost& host, std::uint64_t after,
            const std::function<bool(const LoggedCall&)>& chosen);

/// What a call of the engines is named in a message; null for one that they do not make.
[[nodiscard]] const char* engine_name_of(const std::string& call);

/// The errnos that Xen or privcmd give for it (Xen 4.17), as FAKEXEN_FAIL takes them.
[[nodiscard]] const std::vector<std::string>& errnos_of(const std::string& call);

/// "call:nth:errno", for FAKEXEN_FAIL and `fakexen fail`.
[[nodiscard]] std::string cue_for(const std::string& call, int nth, const std::string& errno_name);

/// "ENOMEM" as a number.
[[nodiscard]] int errno_number(const std::string& name);

}  // namespace sr::test
