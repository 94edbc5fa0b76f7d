// SPDX-License-Identifier: LGPL-2.1-or-later
// Driving xsr, stock-engine and verify-stream-v2 as commands.
#include "tests/system/engines.hpp"

#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace sr::test {
namespace {

// What Debian's xen-utils-4.17 installs.
constexpr const char* stock_verifier = "/usr/lib/xen-4.17/bin/verify-stream-v2";
constexpr const char* stock_python = "/usr/lib/xen-4.17/lib/python";

/// Both ends of a guest's allowance: what it has, and a little that its toolstack may need.
constexpr unsigned spare_mib = 4;

Ended stock_engine(const FakeHost& host, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), in_build("tests/system/stock-engine"));
    // The stock libraries keep small things for the life of the process. Their restore of a 32-bit guest also copies
    // the 5168 octets of a 64-bit vCPU's context out of the 2800 that it allocated, which a build with
    // AddressSanitizer would end it for: the test is of what it leaves in the domain.
    return host.run(arguments, {{"ASAN_OPTIONS", "detect_leaks=0:replace_intrin=0"}});
}

std::string first_line(const std::string& text)
{
    return text.substr(0, text.find('\n'));
}

}  // namespace

const char* to_string(Engine engine) noexcept
{
    return engine == Engine::libsr ? "libsr" : "stock";
}

std::string create_guest(const FakeHost& host, const GuestShape& shape)
{
    std::vector<std::string> options = shape.options;
    options.insert(options.end(),
                   {"--name", shape.name, "--memory", std::to_string(shape.memory_mib) + "M",
                    "--vcpus", std::to_string(shape.nr_vcpus)});
    return host.create_guest(options);
}

Ended xsr(const FakeHost& host, std::vector<std::string> arguments)
{
    const std::string verb = arguments.at(0);
    arguments.insert(arguments.begin(), in_build("xsr"));
    if (verb == "save" || verb == "restore") {
        arguments.insert(arguments.begin() + 2, {"--progress", "none"});
    }
    return host.run(arguments);
}

void save_raw(const FakeHost& host, Engine engine, const std::string& domid,
              const std::string& file)
{
    const Ended saved = engine == Engine::libsr ? xsr(host, {"save", "--raw", domid, file})
                                                : stock_engine(host, {"save", domid, file});
    EXPECT_EQ(saved.status, 0) << to_string(engine) << " save\n" << saved.all() << host.log();
}

std::string restore_raw(const FakeHost& host, Engine engine, const std::string& file,
                        const GuestShape& shape)
{
    const std::string vcpus = std::to_string(shape.nr_vcpus);
    const unsigned mib = shape.memory_mib + spare_mib;
    const Ended restored =
        engine == Engine::libsr
            ? xsr(host, {"restore", "--name", shape.name, "--memory", std::to_string(mib) + "M",
                         "--vcpus", vcpus, file})
            : stock_engine(host, {"restore", file, shape.name, std::to_string(mib * 1024), vcpus});
    EXPECT_EQ(restored.status, 0) << to_string(engine) << " restore\n"
                                  << restored.all() << host.log();
    return restored.status == 0 ? first_line(restored.out) : "";
}

void expect_alive(const FakeHost& host, const std::string& domid, std::uint64_t count)
{
    constexpr std::uint64_t some_quanta = 20;
    ASSERT_NE(domid, "");
    EXPECT_GE(host.await_count(domid, count + some_quanta), count + some_quanta) << host.log();
    EXPECT_EQ(host.state_of(domid), "running") << host.log();
    EXPECT_EQ(host.verdict_of(domid).rfind("intact ", 0), 0U)
        << host.verdict_of(domid) << host.log();
}

void expect_stock_verifier_accepts(const std::string& file, const std::string& format)
{
    if (!std::filesystem::exists(stock_verifier)) {
        ADD_FAILURE() << stock_verifier << " is missing; ./bootstrap installs it";
        return;
    }
    const Ended judged = run_command({"/usr/bin/python3", stock_verifier, "-f", format, "-i", file},
                                     {{"PYTHONPATH", stock_python}});
    EXPECT_EQ(judged.status, 0) << "verify-stream-v2 -f " << format << "\n" << judged.all();
}

std::vector<unsigned> domains_of(const FakeHost& host)
{
    std::vector<unsigned> found;
    const auto list = parsed_json(host.fakexen({"list", "--json"}));
    for (const auto& domain : list.at("domains")) {
        if (const unsigned domid = domain.at("domid"); domid != 0) {
            found.push_back(domid);
        }
    }
    return found;
}

}  // namespace sr::test
