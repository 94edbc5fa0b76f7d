// SPDX-License-Identifier: LGPL-2.1-or-later
// What the host does with each message.
#include "libsr/base/bytes.hpp"
#include "tests/fakexen/host/control.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fakexen/host/server.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace fakexen {
namespace {

using protocol::Kind;

constexpr std::uint64_t map_pages_limit = std::uint64_t{1} << 24;

/// Calls `serve` with the packet as a message of type T, if it is long enough to be one.
template <typename T, typename Serve>
bool with_message(std::span<const std::byte> packet, Serve serve)
{
    if (packet.size() < sizeof(T)) {
        return false;
    }
    serve(sr::load<T>(packet, 0));
    return true;
}

std::string owner_name(std::uint16_t domid)
{
    return domid == DOMID_XEN ? "the M2P table" : "domain " + std::to_string(domid);
}

}  // namespace

void Server::handle(Connection& from, std::span<const std::byte> packet)
{
    const ConnectionId id = from.id();
    const auto kind = packet.size() >= sizeof(protocol::Header)
                          ? sr::load<protocol::Header>(packet, 0).kind
                          : Kind{};
    bool understood = from.greeted || kind == Kind::hello;
    const auto serve = [&]<typename T>(void (Server::*method)(Connection&, const T&)) {
        return with_message<T>(packet, [&](const T& request) { (this->*method)(from, request); });
    };
    switch (understood ? kind : Kind{}) {
    case Kind::hello:
        understood = serve(&Server::hello);
        break;
    case Kind::bye:
        bye(from);
        break;
    case Kind::hypercall:
        understood = serve(&Server::hypercall);
        break;
    case Kind::map:
        understood = serve(&Server::map);
        break;
    case Kind::map_resource:
        understood = serve(&Server::map_resource);
        break;
    case Kind::unmap:
        understood = serve(&Server::unmap);
        break;
    case Kind::run_quantum:
        understood = serve(&Server::run_quantum);
        break;
    case Kind::read_vcpu:
        understood = serve(&Server::read_vcpu);
        break;
    case Kind::write_vcpu:
        understood = serve(&Server::write_vcpu);
        break;
    case Kind::store:
        store_message(from, packet.subspan(sizeof(protocol::Store)));
        break;
    case Kind::control:
        control(from, packet.subspan(sizeof(protocol::Control)));
        break;
    default:
        understood = false;
        break;
    }
    if (!understood) {
        log_.warning("%s sent a message that is none: cut off", from.client().name().c_str());
        close(id);
    }
}

void Server::hello(Connection& from, const protocol::Hello& hello)
{
    std::int64_t result = hello.version == protocol::version ? 0 : -EPROTO;
    if (result == 0 && hello.role == protocol::Role::guest) {
        const Domain* domain = xen_.domain(hello.domid);
        if (domain == nullptr || domain->id == 0 || domain->life != Life::alive) {
            result = -ESRCH;
        } else if (!players_.attach(domain->id, from)) {
            result = -EBUSY;
        }
    }
    if (result == 0) {
        from.greeted = true;
        from.role = hello.role;
        from.domid = hello.role == protocol::Role::guest ? static_cast<DomainId>(hello.domid) : 0;
        const auto* end = std::find(std::begin(hello.fail), std::end(hello.fail), '\0');
        from.client().add_cues({std::begin(hello.fail), end}, log_);
    }
    const Machine& machine = xen_.machine;
    const protocol::HelloReply reply = {.header = {.kind = Kind::hello},
                                        .result = result,
                                        .first_mfn = machine.first_mfn(),
                                        .nr_frames = machine.nr_frames(),
                                        .max_mfn = machine.max_mfn(),
                                        .m2p_first_mfn = machine.m2p_first_mfn(),
                                        .m2p_nr_frames = machine.m2p_nr_frames(),
                                        .m2p_file_offset = machine.m2p_file_offset(),
                                        .file_size = machine.file_size(),
                                        .host_pid = ::getpid(),
                                        .reserved = 0};
    from.send(packet_of(reply), {}, machine.memory_fd());
}

// The process still lives: what it has mapped now, it leaks.
void Server::bye(Connection& from)
{
    ClientProcess& client = from.client();
    const bool first = !std::exchange(client.said_bye, true);  // each connection says it
    (void)xen_.maps.reclaim_stale(client.process());
    for (const ForeignMapping& mapping : xen_.maps.all()) {
        if (first && mapping.process == client.process()) {
            leaks_.push_back(client.name() + " ended with " + std::to_string(mapping.nr_mapped) +
                             " pages of " + owner_name(mapping.domid) + " still mapped");
        }
    }
    from.reply(Kind::bye, 0);
}

Caller Server::caller_of(const Connection& from, std::uint32_t vcpu)
{
    Domain* domain = xen_.domain(from.domid);
    if (domain == nullptr) {
        throw Refused{ESRCH};
    }
    Vcpu* current = from.role == protocol::Role::guest ? domain->vcpu(vcpu) : nullptr;
    return {from.client().process(), *domain, current, from.client()};
}

void Server::hypercall(Connection& from, const protocol::Hypercall& request)
{
    HypercallArgs args;
    std::copy(std::begin(request.args), std::end(request.args), args.begin());
    try {
        const Caller caller = caller_of(from, request.vcpu);
        const auto waits_for = must_wait_for_guest(caller, request.op, args);
        const ConnectionId id = from.id();
        players_.when_at_rest(waits_for.value_or(DomainId{0}),
                              [this, id, request] { serve_hypercall_now(id, request); });
    } catch (const Refused& refused) {
        from.reply(Kind::hypercall, -refused.errnum);
    }
}

void Server::serve_hypercall_now(ConnectionId id, const protocol::Hypercall& request)
{
    const auto at = connections_.find(id);
    if (at == connections_.end()) {
        return;  // it did not wait for the answer
    }
    HypercallArgs args;
    std::copy(std::begin(request.args), std::end(request.args), args.begin());
    std::int64_t result = 0;
    try {
        result = serve_hypercall(xen_, caller_of(at->second, request.vcpu), request.op, args);
    } catch (const Refused& refused) {
        result = -refused.errnum;
    }
    at->second.reply(Kind::hypercall, result);
}

void Server::map(Connection& from, const protocol::Map& request)
{
    ClientProcess& client = from.client();
    std::int64_t result = 0;
    try {
        client.entered("", "map");
        const Caller caller = caller_of(from, 0);
        if (from.role == protocol::Role::guest) {
            throw Refused{EPERM};
        }
        if (request.nr_pages > map_pages_limit) {
            throw Refused{E2BIG};
        }
        auto frames = caller.read_array<std::uint64_t>(request.gfns, request.nr_pages);
        std::vector<std::int64_t> offsets(frames.size(), -ESRCH);
        Domain* owner = xen_.domain(request.domid);
        if (owner != nullptr || request.domid == DOMID_XEN) {
            xen_.maps.map({.process = client.process(),
                           .address = request.address,
                           .domid = static_cast<std::uint16_t>(request.domid),
                           .writable = (request.prot & PROT_WRITE) != 0,
                           .frames = std::move(frames)},
                          owner, offsets);
        } else if (request.domid == DOMID_IO) {
            std::fill(offsets.begin(), offsets.end(), -EPERM);
        }
        const auto failed = std::find_if(offsets.begin(), offsets.end(),
                                         [](std::int64_t offset) { return offset < 0; });
        if (request.all_or_nothing != 0 && failed != offsets.end()) {
            xen_.maps.unmap(client.process(), request.address, request.nr_pages);
            throw Refused{static_cast<int>(-*failed)};
        }
        caller.write_array<std::int64_t>(request.offsets, offsets);
    } catch (const Refused& refused) {
        result = -refused.errnum;
    } catch (const std::bad_alloc&) {
        result = -ENOMEM;
    }
    client.left(result);
    from.reply(Kind::map, result);
}

void Server::map_resource(Connection& from, const protocol::MapResource& request)
{
    ClientProcess& client = from.client();
    std::int64_t result = 0;
    try {
        client.entered("", "map_resource");
        const Caller caller = caller_of(from, 0);
        Domain* domain = xen_.domain(request.domid);
        if (from.role == protocol::Role::guest || domain == nullptr) {
            throw Refused{domain == nullptr ? ESRCH : EPERM};
        }
        if (request.type != XENMEM_resource_grant_table) {
            throw Refused{EOPNOTSUPP};
        }
        if (request.id != XENMEM_resource_grant_table_id_shared) {
            throw Refused{EINVAL};
        }
        if (request.nr_pages == 0) {
            result = domain->grants.max_frames();
        } else {
            const std::uint64_t end = request.frame + request.nr_pages;
            if (end < request.frame || xen_.grow_grant_table(*domain, end) != 0) {
                throw Refused{EINVAL};
            }
            std::vector<std::uint64_t> frames;
            for (std::uint64_t i = request.frame; i < end; ++i) {
                frames.push_back(domain->grants.shared_frames()[i].number());
            }
            std::vector<std::int64_t> offsets(frames.size());
            xen_.maps.map({.process = client.process(),
                           .address = request.address,
                           .domid = domain->id,
                           .writable = (request.prot & PROT_WRITE) != 0,
                           .frames = std::move(frames)},
                          domain, offsets);
            caller.write_array<std::int64_t>(request.offsets, offsets);
        }
    } catch (const Refused& refused) {
        result = -refused.errnum;
    }
    client.left(result);
    from.reply(Kind::map_resource, result);
}

void Server::unmap(Connection& from, const protocol::Unmap& request)
{
    std::int64_t result = 0;
    try {
        from.client().entered("", "unmap");
    } catch (const Refused& refused) {
        result = -refused.errnum;  // the pages are gone all the same
    }
    xen_.maps.unmap(from.client().process(), request.address, request.nr_pages);
    from.client().left(result);
    from.reply(Kind::unmap, result);
}

void Server::run_quantum(Connection& from, const protocol::RunQuantum& request)
{
    if (from.role != protocol::Role::guest) {
        from.reply(Kind::run_quantum, -EPERM);
        return;
    }
    const Domain* domain = xen_.domain(from.domid);
    players_.ask(from.domid, request.idle_ms);
    if (domain == nullptr || domain->life != Life::alive) {
        players_.end(from.domid);
    }
}

void Server::read_vcpu(Connection& from, const protocol::ReadVcpu& request)
{
    const Domain* domain = from.role == protocol::Role::guest ? xen_.domain(from.domid) : nullptr;
    const Vcpu* vcpu = domain != nullptr ? domain->vcpu(request.vcpu) : nullptr;
    protocol::ReadVcpuReply reply = {};
    reply.header.kind = Kind::read_vcpu;
    reply.result = -ENOENT;
    if (vcpu != nullptr) {
        reply.result = 0;
        reply.online = vcpu->down ? 0 : 1;
        reply.context = get_context(*vcpu);
    }
    from.send_message(reply);
}

void Server::write_vcpu(Connection& from, const protocol::WriteVcpu& request)
{
    const Domain* domain = from.role == protocol::Role::guest ? xen_.domain(from.domid) : nullptr;
    Vcpu* vcpu = domain != nullptr ? domain->vcpu(request.vcpu) : nullptr;
    std::int64_t result = 0;
    if (vcpu == nullptr) {
        result = -ENOENT;
    } else if (!players_.is_running(domain->id)) {
        result = -EBUSY;
    } else {
        vcpu_guest_context_t& context = vcpu->context;
        context.user_regs = request.context.user_regs;
        context.fpu_ctxt = request.context.fpu_ctxt;
        context.fs_base = request.context.fs_base;
        context.gs_base_kernel = request.context.gs_base_kernel;
        context.gs_base_user = request.context.gs_base_user;
    }
    from.reply(Kind::write_vcpu, result);
}

void Server::store_message(Connection& from, std::span<const std::byte> octets)
{
    if (!store_) {
        from.reply(Kind::store, -ENOSYS);
        return;
    }
    from.uses_store = true;
    store_->message(from.id(), from.domid, octets);
}

void Server::control(Connection& from, std::span<const std::byte> request)
{
    constexpr std::size_t piece = std::size_t{32} * 1024;
    std::string text(request.size(), '\0');
    std::memcpy(text.data(), request.data(), request.size());
    const std::string answer = serve_control(*this, text);
    std::span<const std::byte> left = std::as_bytes(std::span{answer});
    do {
        const auto next = left.first(std::min(piece, left.size()));
        left = left.subspan(next.size());
        from.send(packet_of(protocol::ControlReply{.header = {.kind = Kind::control},
                                                   .more = left.empty() ? 0U : 1U,
                                                   .reserved = 0}),
                  next);
    } while (!left.empty());
}

}  // namespace fakexen
