// SPDX-License-Identifier: LGPL-2.1-or-later
// Running the engines, and looking at what they leave.
#include "tests/fuzz/engine.hpp"

#include "libsr/base/fd.hpp"
#include "libsr/verify/verify.hpp"

#include <cstring>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

namespace sr::fuzz {
namespace {

/// The one handle of this process: it outlives hosts, as the libraries' connection does.
sr_host* engine()
{
    static const auto opened = [] {
        sr_host* made = nullptr;
        const InProcessHost* const host = InProcessHost::current();
        require(host != nullptr && sr_host_open(nullptr, &made, nullptr) == 0, "no engine");
        return std::unique_ptr<sr_host, void (*)(sr_host*)>{made, &sr_host_close};
    }();
    return opened.get();
}

/// A file in memory, used again and again.
class MemoryFile {
public:
    MemoryFile() : fd_{::memfd_create("stream", MFD_CLOEXEC)} {}

    int holding(Input octets)
    {
        require(::ftruncate(fd_.get(), 0) == 0 && ::lseek(fd_.get(), 0, SEEK_SET) == 0, "memfd");
        const auto size = static_cast<ssize_t>(octets.size());
        require(::pwrite(fd_.get(), octets.data(), octets.size(), 0) == size, "memfd");
        return fd_.get();
    }
    [[nodiscard]] Octets contents() const
    {
        Octets octets(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)));
        const auto size = static_cast<ssize_t>(octets.size());
        require(::pread(fd_.get(), octets.data(), octets.size(), 0) == size, "memfd");
        return octets;
    }
    [[nodiscard]] std::uint64_t position() const
    {
        return static_cast<std::uint64_t>(::lseek(fd_.get(), 0, SEEK_CUR));
    }

private:
    Fd fd_;
};

MemoryFile& file()
{
    static MemoryFile only;
    return only;
}

sr_error fresh_error()
{
    sr_error error;
    std::memset(&error, 0xaa, sizeof error);  // what is not filled in shows
    error.size = sizeof error;
    return error;
}

void check_left_behind(InProcessHost& host, const fakexen::Domain& domain)
{
    require(host.nr_calls() < InProcessHost::calls_max, "more calls than any engine makes");
    require(host.xen.maps.all().empty(), "foreign mappings are left behind");
    require(domain.life == fakexen::Life::alive && domain.pause_count == 1 && !domain.ever_unpaused,
            "a domain was let run");
    require(!domain.dirty.enabled(), "log-dirty is left on");
}

void check_error(const sr_error& error)
{
    const char* const end =
        static_cast<const char*>(std::memchr(error.message, 0, sizeof error.message));
    require(end != nullptr && end != error.message, "an error without a sentence");
    require(std::memchr(error.call, 0, sizeof error.call) != nullptr, "a call without an end");
    switch (error.error_class) {
    case SR_ERROR_MALFORMED:
    case SR_ERROR_UNSUPPORTED:
    case SR_ERROR_LIMIT:
    case SR_ERROR_MISMATCH:
    case SR_ERROR_HYPERVISOR:
    case SR_ERROR_IO:
    case SR_ERROR_GUEST:
        return;
    default:
        throw Violation{"the engine blames itself or its caller: " + std::string{error.message}};
    }
}

struct Told {
    unsigned results = 0;
    unsigned static_data = 0;
    std::vector<std::uint64_t> checkpoints{};
    std::size_t failed_over_to = 0;
};

sr_restore_ops restore_ops()
{
    sr_restore_ops ops{};
    ops.size = sizeof ops;
    ops.static_data_done = [](std::uint32_t, void* user) {
        ++static_cast<Told*>(user)->static_data;
        return 0;
    };
    ops.checkpoint = [](void* user) {
        static_cast<Told*>(user)->checkpoints.push_back(file().position());
        return SR_RESTORE_CHECKPOINT_SUCCESS;
    };
    ops.log = [](sr_log_level, const char* message, void* user) {
        const std::string text = message;
        const std::string words = "fails over to checkpoint ";
        if (const auto at = text.find(words); at != std::string::npos) {
            static_cast<Told*>(user)->failed_over_to = std::stoul(text.substr(at + words.size()));
        }
    };
    ops.restore_results = [](const sr_restore_results*, void* user) {
        ++static_cast<Told*>(user)->results;
    };
    return ops;
}

void check_restored(const fakexen::Domain& domain, const Told& told)
{
    require(told.results == 1 && told.static_data == 1, "a restore without its calls back");
    const fakexen::Vcpu* const first = domain.vcpu(0);
    require(first->initialised && first->kernel_table.has_value(), "restored, but vCPU 0 is not");
}

void check_refused(const fakexen::Domain& domain, const Told& told, const sr_error& error)
{
    check_error(error);
    require(error.error_class != SR_ERROR_GUEST, "a stream is refused as if it were a guest");
    require(told.results == 0, "results of a restore that failed");
    require(error.guest == SR_GUEST_UNTOUCHED || error.guest == SR_GUEST_IN_STREAM,
            "a failed restore says that the guest is elsewhere");
    const bool untouched = domain.nr_pages == 0 && !domain.vcpu(0)->initialised;
    require(error.guest != SR_GUEST_UNTOUCHED || untouched, "changed, and said to be untouched");
}

}  // namespace

Outcome restore(InProcessHost& host, fakexen::Domain& domain, Input stream, sr_stream_type type)
{
    sr_restore_options options{};
    options.size = sizeof options;
    options.back_channel_fd = -1;
    options.stream_type = type;
    options.store_evtchn = 1;
    options.console_evtchn = 2;
    const sr_restore_ops ops = restore_ops();
    Told told;
    Outcome outcome;
    outcome.error = fresh_error();
    const int fd = file().holding(stream);
    sr_host* const handle = engine();
    outcome.done = sr_restore(handle, domain.id, fd, &options, &ops, &told, &outcome.error) == 0;
    require(file().position() <= stream.size(), "more was read than there is");
    check_left_behind(host, domain);
    outcome.checkpoints = told.checkpoints;
    outcome.failed_over_to = told.failed_over_to;
    if (outcome.done) {
        check_restored(domain, told);
    } else {
        check_refused(domain, told, outcome.error);
        outcome.message = outcome.error.message;
    }
    return outcome;
}

Outcome save(InProcessHost& host, fakexen::Domain& domain, Octets& stream, std::uint32_t flags)
{
    sr_save_options options{};
    options.size = sizeof options;
    options.back_channel_fd = -1;
    options.flags = flags;
    Outcome outcome;
    outcome.error = fresh_error();
    const int fd = file().holding({});
    outcome.done =
        sr_save(engine(), domain.id, fd, &options, nullptr, nullptr, &outcome.error) == 0;
    stream = file().contents();
    check_left_behind(host, domain);
    if (!outcome.done) {
        check_error(outcome.error);
        outcome.message = outcome.error.message;
        require(outcome.error.error_class != SR_ERROR_MALFORMED,
                "a guest is refused as if it were a stream");
    }
    return outcome;
}

std::string verify_error(Input stream, bool all)
{
    MemorySource source{stream};
    for (const Finding& finding : verify_stream(source).findings) {
        const bool counts = all || finding.kind != FindingKind::semantic;
        if (finding.severity == Severity::error && counts) {
            return finding.sentence;
        }
    }
    return {};
}

}  // namespace sr::fuzz
