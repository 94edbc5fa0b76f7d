// SPDX-License-Identifier: LGPL-2.1-or-later
// xenstored: who is connected, what they ask, what they are told.
#include "tests/fakexen/store/service.hpp"

#include "tests/fakexen/store/path.hpp"

#include <cerrno>

namespace fakexen::store {

Service::Service(Surroundings& surroundings)
    : surroundings_{surroundings}, store_{[this](const Change& change) { fire(change); }}
{
    for (const char* path : {"/tool", "/local/domain", "/vm", "/libxl"}) {
        store_.mkdir({}, path);
    }
}

void Service::connect(ClientId client, std::uint32_t domid)
{
    clients_[client] = {domid, {}};
}

void Service::disconnect(ClientId client)
{
    if (clients_.contains(client)) {
        reset(client);
        clients_.erase(client);
    }
}

void Service::reset(ClientId client)
{
    watches_.remove_all_of(client);
    for (const TransactionId id : clients_.at(client).transactions) {
        store_.forget(id);
    }
    clients_.at(client).transactions.clear();
}

void Service::handle(ClientId client, std::span<const std::byte> octets)
{
    const Message message = decode(octets);
    Message reply{message.type, message.request, message.transaction, {}};
    try {
        reply.payload = answer(client, message);
    } catch (const StoreError& refused) {
        reply.type = XS_ERROR;
        reply.payload = std::string{error_name(refused.errnum())} + '\0';
    }
    send_message(client, reply);
    if (message.type == XS_WATCH && reply.type == XS_WATCH) {
        // A watch fires once when it is set, whether or not its node exists.
        const Arguments arguments = split_strings(message.payload);
        send_event({client, arguments[0], arguments[1]});
    }
}

std::string Service::answer(ClientId client, const Message& message)
{
    const std::uint32_t domid = clients_.at(client).domid;
    switch (message.type) {
    case XS_DIRECTORY:
    case XS_DIRECTORY_PART:
    case XS_READ:
    case XS_GET_PERMS:
    case XS_SET_PERMS:
    case XS_WRITE:
    case XS_MKDIR:
    case XS_RM:
        return answer_node({domid, message.transaction}, message);
    case XS_WATCH:
    case XS_UNWATCH:
    case XS_RESET_WATCHES:
        return answer_watch(client, message);
    case XS_TRANSACTION_START:
        return start_transaction(client);
    case XS_TRANSACTION_END:
        return end_transaction(client, message);
    case XS_CONTROL:
        if (domid != 0) {
            throw StoreError{EACCES};
        }
        return answer_control(message);
    default:
        return answer_domain(domid, message);
    }
}

std::string Service::start_transaction(ClientId client)
{
    const TransactionId id = store_.begin(clients_.at(client).domid);
    clients_.at(client).transactions.insert(id);
    return std::to_string(id) + '\0';
}

std::string Service::end_transaction(ClientId client, const Message& message)
{
    const Arguments arguments = split_strings(message.payload);
    if (arguments.size() != 1 || (arguments[0] != "T" && arguments[0] != "F")) {
        throw StoreError{EINVAL};
    }
    if (clients_.at(client).transactions.erase(message.transaction) == 0) {
        throw StoreError{ENOENT};
    }
    store_.end({clients_.at(client).domid, message.transaction}, arguments[0] == "T");
    return std::string{"OK"} + '\0';
}

std::string Service::answer_watch(ClientId client, const Message& message)
{
    const std::uint32_t domid = clients_.at(client).domid;
    const Arguments arguments = split_strings(message.payload);
    if (message.type == XS_RESET_WATCHES) {
        reset(client);
        return std::string{"OK"} + '\0';
    }
    if (arguments.size() != 2) {
        throw StoreError{EINVAL};
    }
    const std::string path = absolute_path(arguments[0], domid);
    if (!is_special(path) && !is_valid_path(path)) {
        throw StoreError{EINVAL};
    }
    if (message.type == XS_UNWATCH) {
        watches_.remove(client, path, arguments[1]);
    } else {
        const bool relative = path != arguments[0];
        watches_.add({client, path, arguments[1], relative ? home_of(domid) : ""});
    }
    return std::string{"OK"} + '\0';
}

std::string Service::answer_control(const Message& message) const
{
    const Arguments arguments = split_strings(message.payload);
    if (arguments.empty()) {
        throw StoreError{EINVAL};
    }
    if (arguments[0] == "help") {
        return std::string{"Supported commands:\n\tcheck\n\thelp\n\tprint\n"} + '\0';
    }
    if (arguments[0] == "check" || arguments[0] == "print") {
        return std::string{"OK"} + '\0';
    }
    throw StoreError{EINVAL};
}

void Service::fire(const Change& change)
{
    for (const WatchEvent& event : watches_.events_of(change.path, change.exact)) {
        if (store_.may_see(clients_.at(event.client).domid, change)) {
            send_event(event);
        }
    }
}

void Service::fire_special(const char* name)
{
    for (const WatchEvent& event : watches_.events_of(name, true)) {
        if (clients_.at(event.client).domid == 0) {
            send_event(event);
        }
    }
}

void Service::send_event(const WatchEvent& event)
{
    send_message(event.client, {XS_WATCH_EVENT, 0, 0, join_strings({event.path, event.token})});
}

void Service::send_message(ClientId client, const Message& message)
{
    surroundings_.send(client, encode(message));
}

}  // namespace fakexen::store
