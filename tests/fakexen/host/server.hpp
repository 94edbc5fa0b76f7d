// SPDX-License-Identifier: LGPL-2.1-or-later
// The host process: connections, messages, and the loop that serves them one after the other.
#pragma once

#include "libsr/base/fd.hpp"
#include "libsr/base/log.hpp"
#include "tests/fakexen/host/connection.hpp"
#include "tests/fakexen/host/host_config.hpp"
#include "tests/fakexen/host/hypervisor.hpp"
#include "tests/fakexen/host/leaks.hpp"
#include "tests/fakexen/host/players.hpp"
#include "tests/fakexen/host/store_link.hpp"
#include "tests/fakexen/host/trace.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace fakexen {

class Server {
public:
    /// Listens on HOST/socket. @throws Error{io}
    Server(const HostConfig& config, sr::Logger& log);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Serves until `fakexen stop` or a signal (SIGTERM, SIGINT).
    void run();

    [[nodiscard]] Hypervisor& xen() noexcept { return xen_; }
    [[nodiscard]] Players& players() noexcept { return players_; }
    [[nodiscard]] const Trace& trace() const noexcept { return trace_; }
    [[nodiscard]] StorePort* store() const noexcept { return store_.get(); }
    [[nodiscard]] LeakReport leak_report() const;
    [[nodiscard]] std::string process_name(pid_t process) const;
    /// Which calls of a client fail from now on. False: there is no such client.
    [[nodiscard]] bool replace_cues(pid_t process, const std::string& cues);
    void stop() noexcept { stopping_ = true; }

private:
    friend class ServerStoreLink;

    void accept_one();
    void receive_from(ConnectionId id);
    void close(ConnectionId id);
    void handle(Connection& from, std::span<const std::byte> packet);
    /// False for what is no message.
    [[nodiscard]] bool serve(Connection& from, protocol::Kind kind,
                             std::span<const std::byte> packet);
    void hello(Connection& from, const protocol::Hello& hello);
    void bye(Connection& from);
    void hypercall(Connection& from, const protocol::Hypercall& request);
    template <typename Request, typename Serve>
    void map_for_dom0(Connection& from, const char* name, const Request& request, Serve call);
    void map(Connection& from, const protocol::Map& request);
    void map_resource(Connection& from, const protocol::MapResource& request);
    void map_grants(Connection& from, const protocol::MapGrants& request);
    void unmap(Connection& from, const protocol::Unmap& request);
    void run_quantum(Connection& from, const protocol::RunQuantum& request);
    void read_vcpu(Connection& from, const protocol::ReadVcpu& request);
    void write_vcpu(Connection& from, const protocol::WriteVcpu& request);
    void mark_dirty(Connection& from, const protocol::MarkDirty& request);
    void read_vcpu_state(Connection& from, const protocol::ReadVcpuState& request);
    void write_vcpu_state(Connection& from, const protocol::WriteVcpuState& request);
    void store_message(Connection& from, std::span<const std::byte> octets);
    void control(Connection& from, std::span<const std::byte> request);
    [[nodiscard]] Caller caller_of(const Connection& from, std::uint32_t vcpu);
    void serve_hypercall_now(ConnectionId id, const protocol::Hypercall& request);
    void after_requests();
    [[nodiscard]] std::string process_name_of(ConnectionId id) const;
    void start_guest_if_new(Domain& domain);
    void reap_children();
    [[nodiscard]] int poll_timeout_ms();

    HostConfig config_;
    sr::Logger& log_;
    Hypervisor xen_;
    Trace trace_;
    Players players_;
    ServerStoreLink store_link_;
    std::unique_ptr<StorePort> store_;
    sr::Fd listener_;
    sr::Fd signals_;
    std::map<pid_t, ClientProcess> clients_;
    std::map<ConnectionId, Connection> connections_;
    ConnectionId last_id_ = 0;
    std::set<DomainId>
        changed_;  ///< domains whose right to run changed since the last after_requests()
    std::set<DomainId> started_;  ///< domains that a guest program was started for
    std::vector<std::string> leaks_;
    std::vector<std::byte> received_ = std::vector<std::byte>(protocol::message_limit);
    bool stopping_ = false;
};

}  // namespace fakexen
