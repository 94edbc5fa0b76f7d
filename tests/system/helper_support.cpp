// SPDX-License-Identifier: LGPL-2.1-or-later
// Command lines of helper-driver, and reading what it prints.
#include "tests/system/helper_support.hpp"

#include "tests/system/helper_fixture.hpp"

#include <sstream>

namespace sr::test {
namespace {

// What Debian's xen-utils-4.17 installs.
constexpr const char* stock_helper = "/usr/lib/xen-4.17/bin/libxl-save-helper";

constexpr unsigned spare_mib = 4;

Running start(const FakeHost& host, std::vector<std::string> argv, std::vector<std::string> options,
              const Environment& more)
{
    argv.insert(argv.begin(), in_build("tests/system/helper-driver"));
    argv.insert(argv.end(), options.begin(), options.end());
    Environment environment = host.environment();
    // The stock libraries keep small things for the life of the process.
    environment["ASAN_OPTIONS"] = "detect_leaks=0";
    // Not what stands in /etc here.
    environment["LIBSR_SAVE_HELPER_OPTIONS"] = "--config /dev/null";
    for (const auto& [name, value] : more) {
        environment[name] = value;
    }
    return Running{argv, environment};
}

}  // namespace

std::string helper_of(Engine engine)
{
    return engine == Engine::libsr ? in_build("libsr-save-helper") : stock_helper;
}

Running start_save(const FakeHost& host, Engine engine, const std::string& stream,
                   const std::string& domid, std::vector<std::string> options,
                   const Environment& more)
{
    return start(host, {"save", helper_of(engine), stream, domid}, std::move(options), more);
}

Running start_restore(const FakeHost& host, Engine engine, const std::string& stream,
                      const GuestShape& shape, std::vector<std::string> options,
                      const Environment& more)
{
    return start(host,
                 {"restore", helper_of(engine), stream, shape.name,
                  std::to_string((shape.memory_mib + spare_mib) * 1024),
                  std::to_string(shape.nr_vcpus)},
                 std::move(options), more);
}

std::string domain_made(const Ended& restored)
{
    std::istringstream lines{restored.out};
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("domain ", 0) == 0) {
            return line.substr(7);
        }
    }
    return "";
}

bool has_line(const Ended& ended, const std::string& beginning)
{
    return ("\n" + ended.out).find("\n" + beginning) != std::string::npos;
}

std::string line_of(const Ended& ended, const std::string& beginning)
{
    std::istringstream lines{ended.out};
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind(beginning, 0) == 0) {
            return line;
        }
    }
    return "";
}

std::vector<std::string> messages_in(const Ended& ended)
{
    std::vector<std::string> found;
    std::istringstream lines{ended.out};
    for (std::string line; std::getline(lines, line);) {
        found.push_back(line);
        if (line.rfind("complete ", 0) == 0) {
            break;
        }
    }
    return found;
}

}  // namespace sr::test
