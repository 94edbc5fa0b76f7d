// SPDX-License-Identifier: LGPL-2.1-or-later
// posix_spawn of a guest program with a clean signal mask.
#include "tests/fakexen/host/spawn.hpp"

#include <cstring>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>
#include <vector>

namespace fakexen {
namespace {

/// The host's own environment with FAKEXEN_HOST set and without what was meant for clients.
std::vector<std::string> environment_for(const std::string& directory)
{
    std::vector<std::string> variables = {"FAKEXEN_HOST=" + directory};
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string variable = *at;
        if (!variable.starts_with("FAKEXEN_HOST=") && !variable.starts_with("FAKEXEN_FAIL=")) {
            variables.push_back(variable);
        }
    }
    return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings)
{
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (std::string& string : strings) {
        pointers.push_back(string.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

pid_t spawn_guest(const std::string& program, const std::string& directory, unsigned domid)
{
    std::vector<std::string> arguments = {program, "--attach", std::to_string(domid)};
    std::vector<std::string> variables = environment_for(directory);
    posix_spawnattr_t attributes;
    (void)posix_spawnattr_init(&attributes);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = -1;
    const int error = ::posix_spawn(&child, program.c_str(), nullptr, &attributes,
                                    pointers_to(arguments).data(), pointers_to(variables).data());
    (void)posix_spawnattr_destroy(&attributes);
    return error == 0 ? child : -error;
}

}  // namespace fakexen
