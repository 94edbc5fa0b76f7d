// SPDX-License-Identifier: LGPL-2.1-or-later
// libsr-save-helper: what libxl starts to save or restore a domain, on libsr.
#include "libsr/base/error.hpp"
#include "tools/save-helper/helper_run.hpp"
#include "tools/save-helper/invocation.hpp"
#include "tools/save-helper/settings.hpp"

#include <cstdio>
#include <cstring>
#include <span>

namespace sr {
namespace {

constexpr int exit_usage = 2;

/// Whether it was called by somebody who wants to know.
bool has_answered_person(int argc, char** argv)
{
    const auto is = [=](const char* word) { return argc == 2 && std::strcmp(argv[1], word) == 0; };
    if (is("--help") || is("-h")) {
        (void)std::fputs(help_text().c_str(), stdout);
        return true;
    }
    if (is("--version")) {
        (void)std::printf("libsr-save-helper %s\n", sr_version());
        return true;
    }
    return false;
}

int run(int argc, char** argv)
{
    if (has_answered_person(argc, argv)) {
        return 0;
    }
    Invocation asked;
    try {
        asked = parse_invocation(std::span{argv, static_cast<std::size_t>(argc)}.subspan(1));
    } catch (const Error& error) {
        (void)std::fprintf(stderr, "libsr-save-helper: %s (see libsr-save-helper --help)\n",
                           error.what());
        return exit_usage;
    }
    return run_helper(asked, argv);
}

}  // namespace
}  // namespace sr

int main(int argc, char** argv)
{
    try {
        return sr::run(argc, argv);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "libsr-save-helper: %s\n", error.what());
        return 1;
    }
}
