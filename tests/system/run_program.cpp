// SPDX-License-Identifier: LGPL-2.1-or-later
// posix_spawn, with output to temporary files, which cannot deadlock.
#include "tests/system/run_program.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace sr::test {
namespace {

std::string contents_of(const std::string& path)
{
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string program_path(const std::string& name)
{
    const char* top = std::getenv("SR_TOP_BUILDDIR");
    return std::string{top != nullptr ? top : "."} + "/" + name;
}

/// Feeds a pipe until it is full, empty-handed or nobody reads.
void feed(int fd, const std::string& input)
{
    std::size_t done = 0;
    while (done < input.size()) {
        const ssize_t count = ::write(fd, input.data() + done, input.size() - done);
        if (count <= 0) {
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    (void)::close(fd);
}

}  // namespace

Outcome run_program(const std::vector<std::string>& arguments, const std::string& input)
{
    (void)std::signal(SIGPIPE, SIG_IGN);
    const TemporaryDirectory directory;
    const std::string path = program_path(arguments.at(0));
    std::vector<std::string> words = arguments;
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe2");
    }
    posix_spawn_file_actions_t actions;
    (void)::posix_spawn_file_actions_init(&actions);
    (void)::posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    (void)::posix_spawn_file_actions_addopen(&actions, 1, directory.file("out").c_str(),
                                             O_WRONLY | O_CREAT, 0600);
    (void)::posix_spawn_file_actions_addopen(&actions, 2, directory.file("err").c_str(),
                                             O_WRONLY | O_CREAT, 0600);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
    (void)::posix_spawn_file_actions_destroy(&actions);
    (void)::close(ends[0]);
    if (error != 0) {
        (void)::close(ends[1]);
        throw std::runtime_error("cannot run " + path);
    }
    std::thread feeder{[&] { feed(ends[1], input); }};
    int status = 0;
    (void)::waitpid(pid, &status, 0);
    feeder.join();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            contents_of(directory.file("out")), contents_of(directory.file("err"))};
}

TemporaryDirectory::TemporaryDirectory()
{
    std::string pattern = std::filesystem::temp_directory_path() / "sr-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code ignored;
    (void)std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& octets) const
{
    std::ofstream{file(name), std::ios::binary} << octets;
    return file(name);
}

}  // namespace sr::test
