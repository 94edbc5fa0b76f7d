// SPDX-License-Identifier: LGPL-2.1-or-later
// Starting hosts: in the background, in the foreground, or around a command.
#include "libsr/base/error.hpp"
#include "libsr/base/fd.hpp"
#include "tests/fakexen/cli/control.hpp"
#include "tests/fakexen/cli/file_log.hpp"
#include "tests/fakexen/cli/options.hpp"
#include "tests/fakexen/host/frame_range.hpp"
#include "tests/fakexen/host/server.hpp"

#include <climits>
#include <nlohmann/json.hpp>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fakexen::cli {
namespace {

std::uint64_t parse_size(const std::string& text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string suffix = end;
    const unsigned shift = suffix == "K" ? 10 : suffix == "M" ? 20 : suffix == "G" ? 30 : 0;
    const bool known = shift != 0 || suffix.empty();
    constexpr std::uint64_t smallest = 1 << 20;
    constexpr std::uint64_t largest = std::uint64_t{1} << 40;
    if (error != std::errc{} || !known || value > largest >> shift || value << shift < smallest) {
        throw sr::Error{sr::Errc::usage, "--memory %s is not a size from 1M to 1024G",
                        text.c_str()};
    }
    return value << shift;
}

std::uint64_t parse_shuffle(const std::string& text, std::uint64_t nr_frames)
{
    if (text == "page") {
        return 1;
    }
    if (text == "none") {
        return nr_frames;
    }
    std::uint64_t run = 0;
    if (text.starts_with("run:")) {
        (void)std::from_chars(text.data() + 4, text.data() + text.size(), run);
    }
    if (run == 0) {
        throw sr::Error{sr::Errc::usage, "--shuffle %s is not page, run:N or none", text.c_str()};
    }
    return run;
}

std::filesystem::path own_directory()
{
    return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

/// The host's directory, made if need be, locked for as long as the descriptor lives.
struct HostDirectory {
    std::string path;
    sr::Fd lock;
};

/// Locks a file, and waits a little for a host that is just being stopped.
bool lock_soon(int fd)
{
    constexpr int tries = 100;
    for (int i = 0; i < tries; ++i) {
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        (void)::usleep(20'000);
    }
    return false;
}

HostDirectory claim_directory(const std::string& name)
{
    std::filesystem::create_directories(name);
    const std::string path = std::filesystem::canonical(name);
    const std::string lock_file = path + "/lock";
    sr::Fd lock{::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!lock) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "%s", lock_file.c_str());
    }
    if (!lock_soon(lock.get())) {
        throw sr::Error{sr::Errc::usage, "a host runs in %s already", path.c_str()};
    }
    return {path, std::move(lock)};
}

HostConfig config_of(const StartOptions& options, const std::string& directory,
                     const FrameRange& range, std::uint64_t nr_frames)
{
    HostConfig config;
    config.directory = directory;
    config.hypervisor.machine = {.nr_frames = nr_frames,
                                 .first_mfn = range.first_mfn,
                                 .seed = options.seed,
                                 .shuffle_run = parse_shuffle(options.shuffle, nr_frames),
                                 .resident = options.resident};
    config.hypervisor.xsave_features = options.no_xsave ? 0 : xsave::usual_features;
    config.trace_file = options.trace_file;
    config.guest_program = options.guest_program.empty()
                               ? (own_directory() / "fakexen-guest").string()
                               : options.guest_program;
    config.step_mode = options.step_mode;
    for (const std::string& quirk : options.quirks) {
        add_quirk(config.quirks, quirk);
    }
    config.hypervisor.stale_types = config.quirks.stale_types;
    config.hypervisor.eager_status = config.quirks.eager_status;
    config.hypervisor.grants = config.quirks.grants;
    return config;
}

/// From now on output, of guest programs too, goes to the log: whoever started the host may wait for its end.
void let_go_of_terminal(const std::string& directory)
{
    const std::string path = directory + "/log";
    const sr::Fd log{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
    (void)::dup2(log.get(), STDOUT_FILENO);
    (void)::dup2(log.get(), STDERR_FILENO);
}

/// Is a host until it is stopped. Says so through `ready` once it listens.
void be_host(const StartOptions& options, sr::Logger& log, sr::Fd ready)
{
    const HostDirectory directory = claim_directory(options.host);
    const std::uint64_t nr_frames = parse_size(options.memory) / page_size;
    const FrameRange range = claim_frame_range(directory.path, nr_frames);
    Server server{config_of(options, directory.path, range, nr_frames), log};
    log.info("a host of %llu frames from mfn %#llx, seed %llu",
             static_cast<unsigned long long>(nr_frames),
             static_cast<unsigned long long>(range.first_mfn),
             static_cast<unsigned long long>(options.seed));
    if (ready) {
        let_go_of_terminal(directory.path);
        (void)!::write(ready.get(), "r", 1);
        ready = sr::Fd{};
    }
    server.run();
    log.info("stopped");
}

/// In the child: a session of its own, the log for output, then the host.
[[noreturn]] void become_daemon(const StartOptions& options, sr::Fd ready)
{
    (void)::setsid();
    const auto kept = static_cast<unsigned>(ready.get());
    (void)::close_range(STDERR_FILENO + 1, kept - 1, 0);
    (void)::close_range(kept + 1, ~0U, 0);
    int code = 0;
    try {
        std::filesystem::create_directories(options.host);
        FileLog log{options.host + "/log"};
        try {
            const sr::Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
            (void)::dup2(null.get(), STDIN_FILENO);
            be_host(options, log, std::move(ready));
        } catch (const std::exception& e) {
            log.error("%s", e.what());
            throw;
        }
    } catch (const std::exception& e) {
        (void)std::fprintf(stderr, "fakexen: %s\n", e.what());
        code = static_cast<int>(ExitCode::failure);
    }
    std::_Exit(code);
}

/// Forks a host and waits until it is ready. @throws Error{io} if it did not get that far; it has said why
/// @param for_command  it lives no longer than this process, whatever ends that
void start_daemon(const StartOptions& options, bool for_command)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "pipe");
    }
    const sr::Fd read_end{ends[0]};
    sr::Fd write_end{ends[1]};
    const pid_t child = ::fork();
    if (child < 0) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "fork");
    }
    if (child == 0) {
        if (for_command) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
        }
        become_daemon(options, std::move(write_end));
    }
    write_end = sr::Fd{};
    char ready = 0;
    if (::read(read_end.get(), &ready, 1) != 1) {
        (void)::waitpid(child, nullptr, 0);
        throw sr::Error{sr::Errc::io, "the host did not start"};
    }
}

std::string library_path()
{
    std::string path = own_directory() / "lib";
    if (const char* before = std::getenv("LD_LIBRARY_PATH"); before != nullptr && *before != '\0') {
        path += std::string{":"} + before;
    }
    return path;
}

/// Runs the command to its end. @return its exit code, or 128 + the signal that ended it
int run_command(std::vector<std::string> command, const std::string& host)
{
    const std::string directory = std::filesystem::canonical(host);
    const std::string libraries = library_path();
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (std::string& argument : command) {
        arguments.push_back(argument.data());
    }
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        (void)::setenv("FAKEXEN_HOST", directory.c_str(), 1);
        (void)::setenv("LD_LIBRARY_PATH", libraries.c_str(), 1);
        (void)::execvp(arguments[0], arguments.data());
        (void)std::fprintf(stderr, "fakexen: %s: %s\n", arguments[0], std::strerror(errno));
        std::_Exit(127);
    }
    // A terminal's interrupt is the command's to answer; the host is stopped and judged after it all the same.
    (void)::signal(SIGINT, SIG_IGN);
    (void)::signal(SIGQUIT, SIG_IGN);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int start(const StartOptions& options)
{
    if (options.foreground) {
        StderrLog log;
        be_host(options, log, {});
    } else {
        start_daemon(options, false);
    }
    return 0;
}

int run(const StartOptions& options)
{
    start_daemon(options, true);
    const int code = run_command(options.command, options.host);
    const nlohmann::json answer = ask(options.host, {{"command", "stop"}});
    const int leaks = report_leaks(answer, options.strict);
    return leaks != 0 ? leaks : code;
}

}  // namespace fakexen::cli
