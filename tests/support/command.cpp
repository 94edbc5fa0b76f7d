// SPDX-License-Identifier: LGPL-2.1-or-later
// posix_spawn, two temporary files for what the command says, and a limit of time.
#include "tests/support/command.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace sr::test {

namespace {

std::string contents_of(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream{path, std::ios::binary}.rdbuf();
    return text.str();
}

std::vector<std::string> merged_environment(const Environment& more)
{
    std::vector<std::string> all;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string entry = *at;
        if (!more.contains(entry.substr(0, entry.find('=')))) {
            all.push_back(entry);
        }
    }
    for (const auto& [name, value] : more) {
        all.push_back(name);
        all.back() += "=" + value;
    }
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings)
{
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (std::string& one : strings) {
        pointers.push_back(one.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

pid_t spawn(std::vector<std::string> argv, const Environment& more, const std::string& out,
            const std::string& errors)
{
    auto environment = merged_environment(more);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(), flags, 0600);
    pid_t child = -1;
    const int failed = ::posix_spawnp(&child, argv.at(0).c_str(), &actions, nullptr,
                                      pointers_to(argv).data(), pointers_to(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        throw std::runtime_error{argv[0] + ": " + std::strerror(failed)};
    }
    return child;
}

/// Exit code, 128 + signal, or -1 if it did not end in time and was killed.
int wait_for(pid_t child, std::chrono::seconds patience)
{
    const auto end = std::chrono::steady_clock::now() + patience;
    int status = 0;
    bool killed = false;
    while (::waitpid(child, &status, killed ? 0 : WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() >= end) {
            killed = true;
            (void)::kill(child, SIGKILL);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    if (killed) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string Ended::all() const
{
    return "exit " + std::to_string(status) + "\n" + out + errors;
}

Ended run_command(const std::vector<std::string>& argv, const Environment& more,
                  std::chrono::seconds patience)
{
    const TemporaryDirectory files;
    const std::string out = files.path() + "/out";
    const std::string errors = files.path() + "/errors";
    const pid_t child = spawn(argv, more, out, errors);
    Ended ended;
    ended.status = wait_for(child, patience);
    ended.out = contents_of(out);
    ended.errors = contents_of(errors);
    return ended;
}

std::string in_build(const std::string& path)
{
    const char* const top = std::getenv("SR_TOP_BUILDDIR");
    return std::filesystem::absolute(top == nullptr ? "." : top) / path;
}

TemporaryDirectory::TemporaryDirectory()
    : path_{(std::filesystem::temp_directory_path() / "libsr-XXXXXX").string()}
{
    if (::mkdtemp(path_.data()) == nullptr) {
        throw std::runtime_error{"mkdtemp " + path_ + ": " + std::strerror(errno)};
    }
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace sr::test
