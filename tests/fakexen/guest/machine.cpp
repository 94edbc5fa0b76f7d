// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection in role guest, and machine memory mapped whole.
#include "tests/fakexen/guest/machine.hpp"

#include "libsr/base/bytes.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/mman.h>

namespace fakexen::guest {

namespace {

std::span<std::byte> map_file(int fd, std::uint64_t offset, std::uint64_t length, int prot)
{
    void* const mapped = ::mmap(nullptr, length, prot, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (mapped == MAP_FAILED) {
        throw std::runtime_error{std::string{"cannot map machine memory: "} + std::strerror(errno)};
    }
    return {static_cast<std::byte*>(mapped), length};
}

}  // namespace

Machine::Machine(std::uint32_t domid)
{
    auto [client, error] = Client::connect(nullptr, protocol::Role::guest, domid);
    if (!client) {
        throw std::runtime_error{"cannot play domain " + std::to_string(domid) + ": " +
                                 std::strerror(error)};
    }
    client_ = std::move(client);
    const protocol::HelloReply& machine = client_->machine();
    memory_ =
        map_file(client_->memory_fd(), 0, machine.nr_frames * page_size, PROT_READ | PROT_WRITE);
    m2p_ = map_file(client_->memory_fd(), machine.m2p_file_offset,
                    machine.file_size - machine.m2p_file_offset, PROT_READ);
}

Machine::~Machine()
{
    (void)::munmap(memory_.data(), memory_.size());
    (void)::munmap(m2p_.data(), m2p_.size());
}

std::byte* Machine::frame(Mfn mfn) const noexcept
{
    const std::uint64_t first = client_->machine().first_mfn;
    if (mfn < first || mfn - first >= client_->machine().nr_frames) {
        return nullptr;
    }
    return memory_.subspan((mfn - first) * page_size).data();
}

Pfn Machine::m2p(Mfn mfn) const noexcept
{
    if (mfn > client_->machine().max_mfn || (mfn + 1) * sizeof(Pfn) > m2p_.size()) {
        return no_mfn;
    }
    return sr::load<Pfn>(m2p_, mfn * sizeof(Pfn));
}

std::int64_t Machine::hypercall(std::uint32_t op, std::initializer_list<std::uint64_t> arguments,
                                std::uint32_t vcpu) const
{
    std::uint64_t args[6] = {};
    std::copy(arguments.begin(), arguments.end(), args);
    return client_->hypercall(op, args, vcpu);
}

std::int64_t Machine::mmu_update(std::span<const mmu_update_t> updates) const
{
    return hypercall(__HYPERVISOR_mmu_update,
                     {address_of(updates.data()), updates.size(), 0, DOMID_SELF});
}

std::int64_t Machine::update_va_mapping(Va va, std::uint64_t entry) const
{
    return hypercall(__HYPERVISOR_update_va_mapping, {va, entry, UVMF_INVLPG | UVMF_ALL});
}

std::int64_t Machine::mmuext(unsigned cmd, Mfn mfn, std::uint32_t vcpu) const
{
    mmuext_op_t op = {};
    op.cmd = cmd;
    op.arg1.mfn = mfn;
    return hypercall(__HYPERVISOR_mmuext_op, {address_of(&op), 1, 0, DOMID_SELF}, vcpu);
}

std::int64_t Machine::notify(std::uint32_t port) const
{
    const evtchn_send_t send = {port};
    return hypercall(__HYPERVISOR_event_channel_op, {EVTCHNOP_send, address_of(&send)});
}

std::optional<Machine::Vcpu> Machine::read_vcpu(std::uint32_t vcpu) const
{
    protocol::ReadVcpu request;
    request.vcpu = vcpu;
    auto reply = std::make_unique<protocol::ReadVcpuReply>();
    if (client_->call_for(request, *reply) != 0) {
        throw HostGone{};
    }
    if (reply->result != 0) {
        return {};
    }
    const Abi* const abi = abi_of(reply->context);
    return abi != nullptr ? std::optional{Vcpu{reply->online != 0, abi, reply->context}}
                          : std::nullopt;
}

void Machine::write_vcpu(std::uint32_t vcpu, const vcpu_guest_context_t& context) const
{
    protocol::WriteVcpu request;
    request.vcpu = vcpu;
    request.context = context;
    if (const std::int64_t result = client_->call(request); result < 0) {
        throw std::runtime_error{"cannot write registers: " +
                                 std::string{std::strerror(static_cast<int>(-result))}};
    }
}

protocol::ReadVcpuStateReply Machine::read_vcpu_state(std::uint32_t vcpu) const
{
    protocol::ReadVcpuState request;
    request.vcpu = vcpu;
    protocol::ReadVcpuStateReply reply = {};
    if (client_->call_for(request, reply) != 0 || reply.result != 0) {
        throw HostGone{};
    }
    return reply;
}

std::int64_t Machine::write_vcpu_state(std::uint32_t vcpu, const protocol::VcpuState& state) const
{
    protocol::WriteVcpuState request;
    request.vcpu = vcpu;
    request.state = state;
    return client_->call(request);
}

// The host takes so many at a time (Caller::array_limit), and more than enough.
void Machine::report_stores() const
{
    constexpr std::size_t most = std::size_t{1} << 20;
    std::sort(stored_.begin(), stored_.end());
    stored_.erase(std::unique(stored_.begin(), stored_.end()), stored_.end());
    for (std::span<const Mfn> left = stored_; !left.empty();) {
        const auto now = left.first(std::min(most, left.size()));
        left = left.subspan(now.size());
        protocol::MarkDirty request;
        request.mfns = address_of(now.data());
        request.nr_mfns = now.size();
        if (client_->call(request) < 0) {
            throw HostGone{};
        }
    }
    stored_.clear();
}

bool Machine::next_quantum(std::uint32_t idle_ms) const
{
    report_stores();
    protocol::RunQuantum request;
    request.idle_ms = idle_ms;
    protocol::RunQuantumReply reply = {};
    const bool go =
        client_->call_for(request, reply) == 0 && reply.verdict == protocol::Verdict::go;
    log_dirty_ = reply.log_dirty != 0;
    return go;
}

}  // namespace fakexen::guest
