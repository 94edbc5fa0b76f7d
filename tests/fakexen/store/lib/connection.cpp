// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests, replies and watch events over one socket. Instead of a reader thread there is an epoll
// descriptor: readable when the socket is, or when an event came in while a reply was awaited.
#include "tests/fakexen/store/lib/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vector>

using fakexen::protocol::Kind;
using fakexen::store::Message;

std::unique_ptr<xs_handle> xs_handle::open(bool filter_unwatched)
{
    auto [client, error] = fakexen::Client::connect(nullptr, fakexen::protocol::Role::dom0, 0);
    if (!client) {
        errno = error;
        return nullptr;
    }
    std::unique_ptr<xs_handle> handle{new xs_handle};
    handle->client_ = std::move(client);
    handle->filter_unwatched_ = filter_unwatched;
    return handle->prepare_polling() ? std::move(handle) : nullptr;
}

bool xs_handle::prepare_polling()
{
    signal_ = sr::Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    poll_ = sr::Fd{::epoll_create1(EPOLL_CLOEXEC)};
    if (!signal_ || !poll_) {
        return false;
    }
    for (const int fd : {client_->socket(), signal_.get()}) {
        epoll_event interest = {};
        interest.events = EPOLLIN;
        if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &interest) != 0) {
            return false;
        }
    }
    return true;
}

/// One message off the socket; waits for it. False, and errno, if the connection broke.
bool xs_handle::receive(Message& message)
{
    constexpr std::size_t head = sizeof(fakexen::protocol::Store);
    std::vector<std::byte> packet(fakexen::protocol::message_limit);
    const fakexen::Received received = fakexen::receive_packet(client_->socket(), packet);
    if (received.error != 0) {
        errno = received.error;
        return false;
    }
    const auto body =
        std::span{packet}.first(received.length).subspan(std::min(head, received.length));
    if (body.empty() || fakexen::store::size_of_message(body) != body.size()) {
        errno = EIO;
        return false;
    }
    message = fakexen::store::decode(body);
    return true;
}

std::optional<std::string> xs_handle::ask(std::uint32_t type, std::uint32_t transaction,
                                          std::string payload)
{
    if (payload.size() > XENSTORE_PAYLOAD_MAX) {
        errno = E2BIG;
        return {};
    }
    const std::scoped_lock lock{mutex_};
    const Message request{type, ++last_request_, transaction, std::move(payload)};
    const auto octets = fakexen::store::encode(request);
    if (const int error = fakexen::send_packet(
            client_->socket(), fakexen::packet_of(fakexen::protocol::Store{}), octets);
        error != 0) {
        errno = error;
        return {};
    }
    for (;;) {
        Message reply;
        if (!receive(reply)) {
            return {};
        }
        if (reply.type == XS_WATCH_EVENT) {
            keep_event(reply);
        } else if (reply.type == XS_ERROR) {
            errno = fakexen::store::error_number(reply.payload.c_str());
            return {};
        } else {
            return std::move(reply.payload);
        }
    }
}

void xs_handle::keep_event(const Message& message)
{
    auto strings = fakexen::store::split_strings(message.payload);
    strings.resize(2);
    events_.push_back({std::move(strings[0]), std::move(strings[1])});
    set_signal();
}

/// Makes signal_ readable exactly while events are queued.
void xs_handle::set_signal()
{
    std::uint64_t count = 1;
    if (events_.empty()) {
        (void)!::read(signal_.get(), &count, sizeof count);
    } else {
        (void)!::write(signal_.get(), &count, sizeof count);
    }
}

std::optional<xs_handle::Event> xs_handle::check_event()
{
    const std::scoped_lock lock{mutex_};
    pollfd socket = {client_->socket(), POLLIN, 0};
    while (events_.empty()) {
        Message message;
        if (::poll(&socket, 1, 0) <= 0) {
            errno = EAGAIN;
            return {};
        }
        if (!receive(message)) {
            return {};
        }
        if (message.type == XS_WATCH_EVENT) {
            keep_event(message);
        }
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    set_signal();
    return event;
}

std::optional<xs_handle::Event> xs_handle::wait_event()
{
    for (;;) {
        auto event = check_event();
        if (event || errno != EAGAIN) {
            return event;
        }
        pollfd readable = {poll_.get(), POLLIN, 0};
        if (::poll(&readable, 1, -1) < 0 && errno != EINTR) {
            return {};
        }
    }
}

void xs_handle::drop_events(const std::string& path, const std::string& token)
{
    const std::scoped_lock lock{mutex_};
    if (filter_unwatched_) {
        std::erase_if(events_, [&](const Event& event) {
            return event.token == token && event.path.starts_with(path);
        });
        if (events_.empty()) {
            set_signal();
        }
    }
}
