// SPDX-License-Identifier: LGPL-2.1-or-later
// The protocol of libxl 4.17, written apart from tools/save-helper, so that the two
// can disagree.
#include "tests/system/helper_process.hpp"

#include <boost/endian/buffers.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace sr::test {
namespace {

constexpr int patience_ms = 120'000;

struct MessageForm {
    const char* name;
    const char* arguments;  ///< s string, u 32 bits, i the same signed, l 64 bits
    bool wants_answer;
};

/// In the order of their numbers, from 1.
constexpr MessageForm forms[] = {
    {"log", "uuss", false},
    {"progress", "ssll", false},
    {"suspend", "", true},
    {"postcopy", "", true},
    {"checkpoint", "", true},
    {"wait_checkpoint", "", true},
    {"switch_qemu_logdirty", "uu", true},
    {"static_data_done", "u", true},
    {"restore_results", "ll", false},
    {"complete", "ii", true},
};

struct Pipe {
    Pipe()
    {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) {
            throw std::runtime_error{"pipe2"};
        }
        reader = Fd{ends[0]};
        writer = Fd{ends[1]};
    }
    Fd reader;
    Fd writer;
};

std::string read_text(ByteReader& body)
{
    const auto length = body.read<boost::endian::little_uint32_buf_t>("length of a string").value();
    const auto octets = body.take(length, "string");
    std::string text(octets.size(), '\0');
    std::memcpy(text.data(), octets.data(), octets.size());
    if (text.empty() || text.back() != '\0') {
        throw std::runtime_error{"a string does not end in NUL"};
    }
    text.pop_back();
    return text;
}

HelperSays decode(const Octets& message)
{
    ByteReader body{message};
    const auto number = body.read<boost::endian::little_uint16_buf_t>("message number").value();
    HelperSays says;
    if (number == 0 || number > std::size(forms)) {
        throw std::runtime_error{"message number " + std::to_string(number)};
    }
    const MessageForm& form = forms[number - 1];
    says.name = form.name;
    says.wants_answer = form.wants_answer;
    for (const char* kind = form.arguments; *kind != '\0'; ++kind) {
        if (*kind == 's') {
            (says.context.empty() ? says.context : says.text) = read_text(body);
        } else if (*kind == 'l') {
            says.numbers.push_back(
                body.read<boost::endian::little_uint64_buf_t>("64 bits").value());
        } else if (*kind == 'i') {
            says.numbers.push_back(static_cast<std::uint64_t>(
                std::int64_t{body.read<boost::endian::little_int32_buf_t>("int").value()}));
        } else {
            says.numbers.push_back(
                body.read<boost::endian::little_uint32_buf_t>("32 bits").value());
        }
    }
    body.expect_end("message");
    if (says.name == "log") {
        says.level = static_cast<std::uint32_t>(says.numbers.at(0));
    }
    return says;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings)
{
    std::vector<char*> pointers;
    for (std::string& one : strings) {
        pointers.push_back(one.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

pid_t spawn(std::vector<std::string> argv, std::vector<std::string> environment, int in, int out,
            int stream_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, stream_fd, stream_fd);  // stays open
    // Of two of a name the loader takes the first, and a shell the last: there is one of each.
    const std::vector<std::string> given = environment;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string own = *at;
        const std::string name = own.substr(0, own.find('=') + 1);
        if (std::none_of(given.begin(), given.end(),
                         [&](const std::string& each) { return each.rfind(name, 0) == 0; })) {
            environment.push_back(own);
        }
    }
    pid_t child = -1;
    const int failed = ::posix_spawn(&child, argv[0].c_str(), &actions, nullptr,
                                     pointers_to(argv).data(), pointers_to(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        throw std::runtime_error{argv[0] + ": " + std::strerror(failed)};
    }
    return child;
}

}  // namespace

std::string HelperSays::line() const
{
    std::string words = name;
    for (const std::uint64_t number : numbers) {
        words += ' ' + std::to_string(static_cast<std::int64_t>(number));
    }
    if (!context.empty()) {
        words += ' ' + context + ": " + text;
    }
    return words;
}

HelperProcess::HelperProcess(const std::string& program, const std::string& mode, int stream_fd,
                             const std::vector<std::uint64_t>& arguments,
                             const std::vector<std::string>& more)
{
    Pipe answers;
    Pipe messages;
    std::vector<std::string> argv{program, mode, std::to_string(stream_fd), "-1"};
    for (const std::uint64_t number : arguments) {
        argv.push_back(std::to_string(number));
    }
    pid_ = spawn(argv, more, answers.reader.get(), messages.writer.get(), stream_fd);
    answers_ = std::move(answers.writer);
    messages_ = std::move(messages.reader);
}

HelperProcess::~HelperProcess()
{
    if (pid_ > 0) {
        signal(SIGKILL);
        (void)::waitpid(pid_, nullptr, 0);
    }
}

bool HelperProcess::read_exactly(void* to, std::size_t n) const
{
    auto* at = static_cast<std::byte*>(to);
    for (std::size_t got = 0; got < n;) {
        pollfd fd{messages_.get(), POLLIN, 0};
        if (::poll(&fd, 1, patience_ms) == 0) {
            throw std::runtime_error{"the helper says nothing any more"};
        }
        const ssize_t moved = ::read(messages_.get(), at + got, n - got);
        if (moved == 0) {
            return false;
        }
        if (moved > 0) {
            got += static_cast<std::size_t>(moved);
        } else if (errno != EINTR) {
            throw std::runtime_error{"reading messages"};
        }
    }
    return true;
}

bool HelperProcess::next(HelperSays& says)
{
    std::uint16_t length = 0;
    if (!read_exactly(&length, sizeof(length))) {
        return false;
    }
    Octets message(length);
    if (!read_exactly(message.data(), message.size())) {
        throw std::runtime_error{"half a message"};
    }
    says = decode(message);
    return true;
}

bool HelperProcess::is_silent(int for_ms) const
{
    pollfd fd{messages_.get(), POLLIN, 0};
    return ::poll(&fd, 1, for_ms) == 0;
}

void HelperProcess::answer(int value) const
{
    if (::write(answers_.get(), &value, sizeof(value)) != sizeof(value)) {
        throw std::runtime_error{"the helper does not take an answer"};
    }
}

void HelperProcess::close_pipes()
{
    answers_ = Fd{};
    messages_ = Fd{};
}

void HelperProcess::signal(int number) const
{
    (void)::kill(pid_, number);
}

std::string HelperProcess::wait()
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
    int status = 0;
    std::string ended;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() >= end) {
            signal(SIGKILL);
            (void)::waitpid(pid_, &status, 0);
            ended = "still there";
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    pid_ = -1;
    if (ended.empty()) {
        ended = WIFEXITED(status) ? "exit " + std::to_string(WEXITSTATUS(status))
                                  : "signal " + std::to_string(WTERMSIG(status));
    }
    return ended;
}

}  // namespace sr::test
