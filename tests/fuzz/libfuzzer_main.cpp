// SPDX-License-Identifier: LGPL-2.1-or-later
// A target under libFuzzer. Built once for each, with its name in SR_FUZZ_TARGET.
#include "tests/fuzz/seeds.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace {

constexpr const sr::fuzz::Target& target = sr::fuzz::SR_FUZZ_TARGET;

void write_seeds(const std::string& folder)
{
    auto seeds = target.seeds();
    if (target.takes_streams) {
        const auto more = sr::fuzz::real_streams();
        seeds.insert(seeds.end(), more.begin(), more.end());
    }
    for (const sr::fuzz::Seed& seed : seeds) {
        std::ofstream file{folder + "/" + seed.name, std::ios::binary};
        for (const std::byte octet : seed.octets) {
            file.put(std::to_integer<char>(octet));
        }
    }
}

}  // namespace

/// --seeds=FOLDER writes the seeds there and ends: libFuzzer ignores options with two dashes.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv)
{
    constexpr std::string_view option = "--seeds=";
    for (int i = 1; i < *argc; ++i) {
        const std::string_view argument{(*argv)[i]};
        if (argument.substr(0, option.size()) == option) {
            write_seeds(std::string{argument.substr(option.size())});
            std::exit(0);
        }
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size)
{
    try {
        target.run(std::as_bytes(std::span{octets, size}));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "==ERROR: %s: %s\n", target.name, e.what());
        std::abort();
    }
    return 0;
}
