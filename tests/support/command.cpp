// SPDX-License-Identifier: LGPL-2.1-or-later
// posix_spawn, files or descriptors for what the command says, and a limit of time.
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
#include <utility>

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

/// File actions of posix_spawn for the three standard streams.
class StreamActions {
public:
    StreamActions(const Streams& streams, const std::string& out, const std::string& errors)
    {
        posix_spawn_file_actions_init(&actions_);
        if (!streams.terminal.empty()) {
            for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
                open(fd, streams.terminal, O_RDWR);
            }
            return;
        }
        constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
        streams.in < 0 ? open(STDIN_FILENO, "/dev/null", O_RDONLY) : dup(streams.in, STDIN_FILENO);
        streams.out < 0 ? open(STDOUT_FILENO, out, flags) : dup(streams.out, STDOUT_FILENO);
        open(STDERR_FILENO, errors, flags);
    }
    StreamActions(const StreamActions&) = delete;
    StreamActions& operator=(const StreamActions&) = delete;
    ~StreamActions() { posix_spawn_file_actions_destroy(&actions_); }

    [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
    void open(int fd, const std::string& path, int flags)
    {
        posix_spawn_file_actions_addopen(&actions_, fd, path.c_str(), flags, 0600);
    }
    void dup(int from, int fd) { posix_spawn_file_actions_adddup2(&actions_, from, fd); }

    posix_spawn_file_actions_t actions_{};
};

/// A command begins as a shell would begin it, whatever the test run itself ignores: nohup's SIGHUP, say.
void set_signals(posix_spawnattr_t& attributes)
{
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) {
        sigaddset(&signals, number);
    }
    posix_spawnattr_setsigdefault(&attributes, &signals);
}

pid_t spawn(std::vector<std::string> argv, const Environment& more, const Streams& streams,
            const StreamActions& actions)
{
    auto environment = merged_environment(more);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    set_signals(attributes);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (!streams.terminal.empty()) {
        flags |= POSIX_SPAWN_SETSID;
    }
    posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
    pid_t child = -1;
    const int failed = ::posix_spawnp(&child, argv.at(0).c_str(), actions.get(), &attributes,
                                      pointers_to(argv).data(), pointers_to(environment).data());
    posix_spawnattr_destroy(&attributes);
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

/// The files that a command's words go to.
class Running::Output {
public:
    [[nodiscard]] std::string out() const { return files_.path() + "/out"; }
    [[nodiscard]] std::string errors() const { return files_.path() + "/errors"; }

private:
    TemporaryDirectory files_;
};

Running::Running(const std::vector<std::string>& argv, const Environment& more,
                 const Streams& streams)
    : output_{std::make_unique<Output>()}
{
    const StreamActions actions{streams, output_->out(), output_->errors()};
    pid_ = spawn(argv, more, streams, actions);
}

Running::~Running()
{
    if (pid_ > 0) {
        (void)wait_for(pid_, std::chrono::seconds{0});
    }
}

void Running::signal(int number) const
{
    (void)::kill(pid_, number);
}

Ended Running::wait(std::chrono::seconds patience)
{
    Ended ended;
    ended.status = wait_for(std::exchange(pid_, -1), patience);
    ended.out = contents_of(output_->out());
    ended.errors = contents_of(output_->errors());
    return ended;
}

Ended run_command(const std::vector<std::string>& argv, const Environment& more,
                  std::chrono::seconds patience)
{
    return Running{argv, more}.wait(patience);
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
