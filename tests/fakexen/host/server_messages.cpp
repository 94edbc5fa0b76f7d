// SPDX-License-Identifier: LGPL-2.1-or-later
// What the host does with each message.
#include "libsr/base/bytes.hpp"
#include "tests/fakexen/host/control.hpp"
#include "tests/fakexen/host/foreign_calls.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fakexen/host/server.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace fakexen {
namespace {

using protocol::Kind;

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

/// Serves a call of a fake library that is no hypercall. @return its result
template <typename Serve>
std::int64_t result_of(Serve&& serve)
{
    try {
        return serve();
    } catch (const Refused& refused) {
        return -refused.errnum;
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
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
    if (!(from.greeted || kind == Kind::hello) || !serve(from, kind, packet)) {
        log_.warning("%s sent a message that is none: cut off", from.client().name().c_str());
        close(id);
    }
}

bool Server::serve(Connection& from, protocol::Kind kind, std::span<const std::byte> packet)
{
    const auto with = [&]<typename T>(void (Server::*method)(Connection&, const T&)) {
        return with_message<T>(packet, [&](const T& request) { (this->*method)(from, request); });
    };
    switch (kind) {
    case Kind::hello:
        return with(&Server::hello);
    case Kind::bye:
        bye(from);
        return true;
    case Kind::hypercall:
        return with(&Server::hypercall);
    case Kind::map:
        return with(&Server::map);
    case Kind::map_resource:
        return with(&Server::map_resource);
    case Kind::map_grants:
        return with(&Server::map_grants);
    case Kind::unmap:
        return with(&Server::unmap);
    case Kind::run_quantum:
        return with(&Server::run_quantum);
    case Kind::read_vcpu:
        return with(&Server::read_vcpu);
    case Kind::read_vcpu_state:
        return with(&Server::read_vcpu_state);
    case Kind::write_vcpu_state:
        return with(&Server::write_vcpu_state);
    case Kind::write_vcpu:
        return with(&Server::write_vcpu);
    case Kind::mark_dirty:
        return with(&Server::mark_dirty);
    case Kind::store:
        store_message(from, packet.subspan(sizeof(protocol::Store)));
        return true;
    case Kind::control:
        control(from, packet.subspan(sizeof(protocol::Control)));
        return true;
    default:
        return false;
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
                                        .compat_m2p_first_mfn = machine.compat_m2p_first_mfn(),
                                        .compat_m2p_nr_frames = machine.compat_m2p_nr_frames(),
                                        .compat_m2p_file_offset = machine.compat_m2p_file_offset(),
                                        .file_size = machine.file_size(),
                                        .host_pid = ::getpid(),
                                        .flags =
                                            config_.quirks.no_gup ? protocol::host_refuses_gup : 0};
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

/// Serves what only dom0's programs may ask for.
template <typename Request, typename Serve>
void Server::map_for_dom0(Connection& from, const char* name, const Request& request, Serve call)
{
    const std::int64_t result = result_of([&] {
        from.client().entered("", name);
        if (from.role == protocol::Role::guest) {
            throw Refused{EPERM};
        }
        return call(xen_, caller_of(from, 0), request);
    });
    from.client().left(result);
    from.reply(request.header.kind, result);
}

void Server::map(Connection& from, const protocol::Map& request)
{
    map_for_dom0(from, "map", request, serve_map);
}

void Server::map_resource(Connection& from, const protocol::MapResource& request)
{
    map_for_dom0(from, "map_resource", request, serve_map_resource);
}

void Server::map_grants(Connection& from, const protocol::MapGrants& request)
{
    map_for_dom0(from, "map_grants", request, serve_map_grants);
}

void Server::unmap(Connection& from, const protocol::Unmap& request)
{
    const std::int64_t result = result_of([&]() -> std::int64_t {
        from.client().entered("", "unmap");
        return 0;
    });
    // Even if the call is to fail, the pages are gone.
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

void Server::read_vcpu_state(Connection& from, const protocol::ReadVcpuState& request)
{
    const Domain* domain = from.role == protocol::Role::guest ? xen_.domain(from.domid) : nullptr;
    const Vcpu* vcpu = domain != nullptr ? domain->vcpu(request.vcpu) : nullptr;
    protocol::ReadVcpuStateReply reply = {};
    reply.header.kind = Kind::read_vcpu_state;
    reply.result = -ENOENT;
    if (vcpu != nullptr) {
        reply.result = 0;
        reply.extended = vcpu->extended;
        for (const std::uint32_t index : MsrState::known()) {
            if (const std::uint64_t value = vcpu->msrs.get(index); value != 0) {
                reply.state.msrs[reply.state.nr_msrs++] = {index, 0, value};
            }
        }
        const std::vector<std::byte> blob = vcpu->xsave.blob();
        reply.state.xsave_length = static_cast<std::uint32_t>(blob.size());
        std::copy(blob.begin(), blob.end(), reply.state.xsave);
    }
    from.send_message(reply);
}

void Server::write_vcpu_state(Connection& from, const protocol::WriteVcpuState& request)
{
    const Domain* domain = from.role == protocol::Role::guest ? xen_.domain(from.domid) : nullptr;
    Vcpu* vcpu = domain != nullptr ? domain->vcpu(request.vcpu) : nullptr;
    const protocol::VcpuState& state = request.state;
    std::int64_t result = 0;
    if (vcpu == nullptr) {
        result = -ENOENT;
    } else if (!players_.is_running(domain->id)) {
        result = -EBUSY;
    } else if (state.nr_msrs > std::size(state.msrs) || state.xsave_length > sizeof state.xsave) {
        result = -EINVAL;
    } else {
        for (const protocol::VcpuMsr& msr : std::span{state.msrs}.first(state.nr_msrs)) {
            result = result != 0 ? result : vcpu->msrs.set(msr.index, msr.value);
        }
        if (result == 0 && state.xsave_length != 0) {
            result = vcpu->xsave.set(std::span{state.xsave}.first(state.xsave_length),
                                     xen_.config().xsave_features);
        }
    }
    from.reply(Kind::write_vcpu_state, result);
}

// A mapped grant is another domain's frame: its pfn is dirty there.
void Server::mark_dirty(Connection& from, const protocol::MarkDirty& request)
{
    std::int64_t result = 0;
    try {
        const Caller caller = caller_of(from, 0);
        if (from.role != protocol::Role::guest || !players_.is_running(from.domid)) {
            throw Refused{EBUSY};
        }
        for (const std::uint64_t mfn :
             caller.read_array<std::uint64_t>(request.mfns, request.nr_mfns)) {
            xen_.mark_stored(Mfn{mfn});
        }
    } catch (const Refused& refused) {
        result = -refused.errnum;
    }
    from.reply(Kind::mark_dirty, result);
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
