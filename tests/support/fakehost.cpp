// SPDX-License-Identifier: LGPL-2.1-or-later
// Driving fakexen and fakexen-guest as commands.
#include "tests/support/fakehost.hpp"

#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace sr::test {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{120};

constexpr const char* fakexen_program = "tests/fakexen/fakexen";
constexpr const char* guest_program = "tests/fakexen/fakexen-guest";

std::vector<std::string> command_of(const std::string& program, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), in_build(program));
    return arguments;
}

std::string without_newline(std::string text)
{
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

/// The output of a command that must succeed.
std::string must_succeed(const Ended& ended, const std::vector<std::string>& argv)
{
    if (ended.status != 0) {
        std::string line;
        for (const std::string& one : argv) {
            line += one + " ";
        }
        throw std::runtime_error{line + "\n" + ended.all()};
    }
    return without_newline(ended.out);
}

std::string last_lines_of(const std::filesystem::path& file, std::size_t n)
{
    std::deque<std::string> lines;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line + "\n");
        if (lines.size() > n) {
            lines.pop_front();
        }
    }
    return std::accumulate(lines.begin(), lines.end(), std::string{});
}

}  // namespace

FakeHost::FakeHost(std::vector<std::string> options)
    : stepped_{std::find(options.begin(), options.end(), "--step") != options.end()}
{
    std::vector<std::string> arguments{"start", path()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto argv = command_of(fakexen_program, std::move(arguments));
    (void)must_succeed(run_command(argv), argv);
}

FakeHost::~FakeHost()
{
    try {
        const Ended stopped = run(command_of(fakexen_program, {"stop"}));
        EXPECT_EQ(stopped.status, 0) << "the host found leaks:\n" << stopped.all() << log();
    } catch (const std::exception& failure) {
        ADD_FAILURE() << "the host cannot be stopped: " << failure.what();
    }
}

Environment FakeHost::environment() const
{
    std::string libraries = in_build("tests/fakexen/lib");
    if (const char* const before = std::getenv("LD_LIBRARY_PATH"); before != nullptr) {
        libraries += std::string{":"} + before;
    }
    return {{"FAKEXEN_HOST", path()}, {"LD_LIBRARY_PATH", libraries}};
}

Ended FakeHost::run(const std::vector<std::string>& argv, const Environment& more) const
{
    Environment all = environment();
    for (const auto& [name, value] : more) {
        all[name] = value;
    }
    return run_command(argv, all, patience);
}

std::string FakeHost::fakexen(std::vector<std::string> arguments) const
{
    const auto argv = command_of(fakexen_program, std::move(arguments));
    return must_succeed(run(argv), argv);
}

std::string FakeHost::guest(std::vector<std::string> arguments) const
{
    const auto argv = command_of(guest_program, std::move(arguments));
    return must_succeed(run(argv), argv);
}

std::string FakeHost::create_guest(std::vector<std::string> options) const
{
    options.insert(options.begin(), "create");
    return guest(std::move(options));
}

std::string FakeHost::state_of(const std::string& domid) const
{
    const Ended shown = run(command_of(fakexen_program, {"show", "--json", domid}));
    return shown.status == 0 ? Json::parse(shown.out).at("state").get<std::string>() : "gone";
}

std::uint64_t FakeHost::count_of(const std::string& domid) const
{
    std::uint64_t count = 0;
    const Ended said = run(command_of(guest_program, {"status", domid}));
    std::istringstream{said.out.substr(std::min<std::size_t>(said.out.size(), 6))} >> count;
    return count;
}

std::string FakeHost::verdict_of(const std::string& domid) const
{
    const std::string said = run(command_of(guest_program, {"status", domid})).out;
    const auto colon = said.find(": ");
    return colon == std::string::npos ? said : without_newline(said.substr(colon + 2));
}

std::uint64_t FakeHost::await_count(const std::string& domid, std::uint64_t count) const
{
    const auto end = Clock::now() + patience;
    for (;;) {
        const std::uint64_t now = count_of(domid);
        if (now >= count || state_of(domid) != "running") {
            return now;
        }
        if (Clock::now() >= end) {
            throw std::runtime_error{"domain " + domid + " stays at " + std::to_string(now) + "\n" +
                                     log()};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
}

void FakeHost::await_player(const std::string& domid) const
{
    const auto end = Clock::now() + patience;
    for (;;) {
        const Ended asked = run(command_of(fakexen_program, {"step", domid, "0"}));
        if (asked.status == 0) {
            return;
        }
        if (Clock::now() >= end) {
            throw std::runtime_error{asked.all() + log()};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
}

void FakeHost::step(const std::string& domid, std::uint64_t n) const
{
    await_player(domid);
    const std::uint64_t before = count_of(domid);
    (void)fakexen({"step", domid, std::to_string(n)});
    (void)await_count(domid, before + n);
}

void FakeHost::suspend(const std::string& domid) const
{
    if (!stepped_) {
        (void)guest({"suspend", domid});
        return;
    }
    (void)guest({"suspend", "--no-wait", domid});
    const auto end = Clock::now() + patience;
    while (state_of(domid) == "running") {
        step(domid, 1);
        if (Clock::now() >= end) {
            throw std::runtime_error{"domain " + domid + " does not suspend\n" + log()};
        }
    }
}

std::string FakeHost::log() const
{
    std::string text;
    for (const auto& file : std::filesystem::directory_iterator{path()}) {
        const std::string name = file.path().filename().string();
        if (name.ends_with("log")) {
            text += "--- " + name + "\n" + last_lines_of(file.path(), 20);
        }
    }
    return text;
}

}  // namespace sr::test
