// SPDX-License-Identifier: LGPL-2.1-or-later
// The host in this process, and who answers for it.
#include "tests/fuzz/inprocess/host.hpp"

#include "libsr/base/bytes.hpp"
#include "tests/fakexen/host/foreign_calls.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace sr::fuzz {
namespace {

using fakexen::protocol::Kind;

std::unique_ptr<InProcessHost> the_host;  // the fake libraries ask for it from anywhere
constexpr int shared_fd = 900;            ///< far from what a program opens

fakexen::HypervisorConfig config()
{
    fakexen::HypervisorConfig small;
    small.machine = {
        .nr_frames = InProcessHost::nr_frames, .first_mfn = 0x8000, .seed = 1, .shuffle_run = 1};
    return small;
}

/// The message as a T, which it is long enough for: the libraries are ours.
template <typename T>
T as(std::span<const std::byte> message)
{
    return load<T>(message, 0);
}

std::int64_t serve_call(fakexen::Hypervisor& xen, const fakexen::Caller& caller,
                        const fakexen::protocol::Hypercall& call)
{
    fakexen::HypercallArgs args{};
    std::copy(std::begin(call.args), std::end(call.args), args.begin());
    return fakexen::serve_hypercall(xen, caller, call.op, args);
}

}  // namespace

InProcessHost::InProcessHost() : xen{config(), log_}, nr_free_at_start_{xen.machine.nr_free()}
{
    if (::dup3(xen.machine.memory_fd(), shared_fd, O_CLOEXEC) != shared_fd) {
        throw std::runtime_error{"no descriptor for machine memory"};
    }
}

bool InProcessHost::is_as_new() const
{
    return xen.machine.nr_free() == nr_free_at_start_ && xen.domains().size() == 1 &&
           xen.maps.all().empty();
}

// Making one anew takes milliseconds, so one that is clean is used again.
InProcessHost& InProcessHost::fresh()
{
    if (!the_host || !the_host->is_as_new()) {
        the_host.reset();
        the_host.reset(new InProcessHost);
    }
    the_host->xen.machine.rewind_free();
    the_host->nr_calls_ = 0;
    return *the_host;
}

InProcessHost* InProcessHost::current() noexcept
{
    return the_host.get();
}

int InProcessHost::memory_fd() noexcept
{
    return shared_fd;
}

void InProcessHost::entered(const char*, const char*)
{
    if (++nr_calls_ > calls_max) {
        throw fakexen::Refused{ENOMEM};  // so that it ends; who runs it asks for their number
    }
}

std::int64_t InProcessHost::serve(std::span<const std::byte> message) noexcept
{
    const fakexen::Caller caller{fakexen::this_process, xen.dom0(), nullptr, *this};
    std::int64_t result = 0;
    try {
        switch (as<fakexen::protocol::Header>(message).kind) {
        case Kind::hypercall:
            result = serve_call(xen, caller, as<fakexen::protocol::Hypercall>(message));
            break;
        case Kind::map:
            result = fakexen::serve_map(xen, caller, as<fakexen::protocol::Map>(message));
            break;
        case Kind::map_resource:
            result = fakexen::serve_map_resource(xen, caller,
                                                 as<fakexen::protocol::MapResource>(message));
            break;
        case Kind::unmap: {
            const auto unmap = as<fakexen::protocol::Unmap>(message);
            xen.maps.unmap(fakexen::this_process, unmap.address, unmap.nr_pages);
            break;
        }
        default:
            break;
        }
    } catch (const fakexen::Refused& refused) {
        result = -refused.errnum;
    }
    xen.collect_dead();
    return result;
}

fakexen::Domain& InProcessHost::make_domain(std::uint32_t nr_vcpus, std::uint64_t max_pages)
{
    xen_domctl_createdomain wanted = {};
    wanted.max_vcpus = nr_vcpus;
    wanted.max_grant_frames = 4;
    wanted.grant_opts = XEN_DOMCTL_GRANT_version(2);
    const int id = xen.create_domain(0, wanted);
    require(id > 0, "the host makes no domain");
    fakexen::Domain& domain = *xen.domain(static_cast<std::uint64_t>(id));
    domain.max_pages = max_pages;
    xen.create_vcpus(domain);
    return domain;
}

void InProcessHost::destroy(fakexen::Domain& domain)
{
    const fakexen::DomainId id = domain.id;
    xen.destroy_domain(domain);
    xen.collect_dead();
    require(xen.domain(id) == nullptr, "a destroyed domain is held by somebody");
    require(xen.machine.nr_free() == nr_free_at_start_, "frames are lost");
}

}  // namespace sr::fuzz
