// SPDX-License-Identifier: LGPL-2.1-or-later
// The event loop: accepting, receiving, sending, and what follows a batch of requests.
#include "tests/fakexen/host/server.hpp"

#include "libsr/base/error.hpp"
#include "tests/fakexen/host/spawn.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fakexen {
namespace {

constexpr int listen_backlog = 128;

sr::Fd listen_in(const std::string& directory)
{
    const std::string path = directory + '/' + protocol::socket_name;
    sr::Fd socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    (void)::unlink(path.c_str());  // the lock on the directory says that no other host lives here
    const int error = call_with_host_address(::bind, socket.get(), directory.c_str());
    if (error != 0 || ::listen(socket.get(), listen_backlog) != 0) {
        throw sr::Error::from_errno(sr::Errc::io, error != 0 ? error : errno, "listening on %s",
                                    path.c_str());
    }
    return socket;
}

sr::Fd take_signals()
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) {
        (void)sigaddset(&signals, number);
    }
    (void)::sigprocmask(SIG_BLOCK, &signals, nullptr);
    sr::Fd fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "signalfd");
    }
    return fd;
}

}  // namespace

Server::Server(const HostConfig& config, sr::Logger& log)
    : config_{config}, log_{log}, xen_{config.hypervisor, log}, players_{xen_, config.step_mode},
      store_link_{*this}, store_{make_store(store_link_)}, listener_{listen_in(config.directory)},
      signals_{take_signals()}
{
    if (!config.trace_file.empty() && !trace_.open(config.trace_file)) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "%s", config.trace_file.c_str());
    }
    xen_.listener.may_run_changed = [this](DomainId id) { changed_.insert(id); };
    xen_.listener.released = [this](DomainId id, bool gone) {
        if (gone) {
            players_.end(id);
            started_.erase(id);
        }
        if (store_) {
            store_->domain_released(id, gone);
        }
    };
    xen_.listener.notified = [this](DomainId id, std::uint32_t) { players_.wake(id); };
    xen_.listener.kicked = [this](DomainId id, std::uint32_t port) {
        if (store_) {
            store_->event(id, port);
        }
    };
}

Server::~Server()
{
    (void)::unlink((config_.directory + '/' + protocol::socket_name).c_str());
}

int Server::poll_timeout_ms()
{
    const auto now = Clock::now();
    const auto next = players_.grant_idle(now);
    if (!next) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now).count();
    return static_cast<int>(left);
}

void Server::run()
{
    std::vector<pollfd> polled;
    std::vector<ConnectionId> ids;
    while (!stopping_) {
        polled = {{listener_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
        ids.clear();
        for (const auto& [id, connection] : connections_) {
            const short events = connection.has_queued() ? POLLIN | POLLOUT : POLLIN;
            polled.push_back({connection.socket(), events, 0});
            ids.push_back(id);
        }
        if (::poll(polled.data(), polled.size(), poll_timeout_ms()) < 0) {
            continue;  // EINTR
        }
        if (polled[0].revents != 0) {
            accept_one();
        }
        if (polled[1].revents != 0) {
            reap_children();
        }
        for (std::size_t i = 0; i < ids.size() && !stopping_; ++i) {
            const short events = polled[i + 2].revents;
            const auto at = connections_.find(ids[i]);
            if (at != connections_.end() && (events & POLLOUT) != 0) {
                at->second.flush();
            }
            if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
                receive_from(ids[i]);
            }
        }
        after_requests();
    }
    for (auto& [id, connection] : connections_) {
        connection.flush();
    }
}

void Server::accept_one()
{
    sr::Fd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) {
        return;
    }
    ucred peer = {};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        return;
    }
    const auto client = clients_.try_emplace(peer.pid, peer.pid, trace_, config_.quirks).first;
    ++client->second.nr_connections;
    ++last_id_;
    connections_.try_emplace(last_id_, last_id_, std::move(socket), client->second);
}

void Server::receive_from(ConnectionId id)
{
    const auto at = connections_.find(id);
    if (at == connections_.end()) {
        return;
    }
    const Received received = receive_packet(at->second.socket(), received_);
    const sr::Fd unasked{received.fd};
    if (received.error == EAGAIN) {
        return;
    }
    if (received.error != 0 || at->second.is_hopeless()) {
        close(id);
        return;
    }
    try {
        handle(at->second, std::span{received_}.first(received.length));
    } catch (const std::exception& e) {
        log_.error("%s asked for what cannot be done: %s", process_name_of(id).c_str(), e.what());
        close(id);
    }
}

void Server::close(ConnectionId id)
{
    const auto at = connections_.find(id);
    if (at == connections_.end()) {
        return;
    }
    Connection& connection = at->second;
    ClientProcess& client = connection.client();
    if (connection.uses_store && store_) {
        store_->closed(id);
    }
    if (const auto played = players_.detach(connection)) {
        Domain* domain = xen_.domain(*played);
        if (domain != nullptr && domain->life == Life::alive && !client.said_bye) {
            log_.warning("d%u: its guest program died", *played);
            xen_.shut_down(*domain, SHUTDOWN_crash);
        }
    }
    if (--client.nr_connections == 0) {
        const std::uint64_t nr_pages = xen_.maps.release_process(client.process());
        if (nr_pages > 0 && !client.said_bye) {
            log_.info("%s (%d) is gone with %llu foreign pages mapped", client.name().c_str(),
                      client.process(), static_cast<unsigned long long>(nr_pages));
        }
        const pid_t process = client.process();
        connections_.erase(at);
        clients_.erase(process);
        return;
    }
    connections_.erase(at);
}

void Server::reap_children()
{
    signalfd_siginfo info = {};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            stopping_ = true;
        }
    }
    int status = 0;
    for (pid_t child = 0; (child = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        log_.info("guest program %d ended with status %#x", child, static_cast<unsigned>(status));
    }
}

// What must not happen in the middle of a hypercall: domains end, guests begin to run.
void Server::after_requests()
{
    xen_.collect_dead();
    for (const DomainId id : std::exchange(changed_, {})) {
        if (Domain* domain = xen_.domain(id)) {
            start_guest_if_new(*domain);
            players_.grant(id);
        }
    }
}

void Server::start_guest_if_new(Domain& domain)
{
    if (!domain.may_run() || domain.id == 0 || players_.is_played(domain.id) ||
        !started_.insert(domain.id).second) {
        return;
    }
    const Vcpu* vcpu = domain.vcpu(0);
    const std::uint64_t signature =
        domain.is_32bit ? protocol::guest_signature_eip : protocol::guest_signature_rip;
    const bool signed_by_guest = vcpu != nullptr && (vcpu->context.user_regs.rip &
                                                     protocol::guest_signature_mask) == signature;
    if (!signed_by_guest) {
        log_.info("d%u: runs, but nobody plays its CPUs (not a fakexen guest)", domain.id);
        return;
    }
    const pid_t child = spawn_guest(config_.guest_program, config_.directory, domain.id);
    if (child < 0) {
        log_.error("d%u: cannot start %s: %s", domain.id, config_.guest_program.c_str(),
                   std::strerror(-child));
        return;
    }
    log_.info("d%u: played by %s, process %d", domain.id, config_.guest_program.c_str(), child);
}

std::string Server::process_name_of(ConnectionId id) const
{
    const auto at = connections_.find(id);
    return at == connections_.end() ? "?" : at->second.client().name();
}

std::string Server::process_name(pid_t process) const
{
    const auto at = clients_.find(process);
    return at == clients_.end() ? "?" : at->second.name();
}

bool Server::replace_cues(pid_t process, const std::string& cues)
{
    const auto at = clients_.find(process);
    if (at != clients_.end()) {
        at->second.replace_cues(cues, log_);
    }
    return at != clients_.end();
}

LeakReport Server::leak_report() const
{
    LeakReport report{.leaks = leaks_, .notes = {}};
    for (const auto& [id, domain] : xen_.domains()) {
        if (id == 0) {
            continue;
        }
        const std::string name = "domain " + std::to_string(id);
        const std::string pages = std::to_string(domain->nr_pages) + " pages";
        std::string line = name;
        if (domain->life == Life::dying) {
            line.append(" is dying, and references to ").append(pages).append(" remain");
            report.leaks.push_back(line);
        } else {
            line.append(" is still there, with ").append(pages);
            report.notes.push_back(line);
        }
        if (domain->dirty.enabled()) {
            report.leaks.push_back(name + ": log-dirty is still on");
        }
    }
    return report;
}

}  // namespace fakexen
