// SPDX-License-Identifier: LGPL-2.1-or-later
// xenstored's requests about domains, and how it learns that one shut down.
#include "tests/fakexen/store/path.hpp"
#include "tests/fakexen/store/service.hpp"

#include <cerrno>
#include <charconv>
#include <utility>

namespace fakexen::store {

namespace {

constexpr std::string_view ok{"OK\0", 3};

template <typename Number = std::uint32_t>
Number number(const std::vector<std::string>& arguments, std::size_t at)
{
    Number value = 0;
    if (at >= arguments.size()) {
        throw StoreError{EINVAL};
    }
    const std::string& text = arguments[at];
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) {
        throw StoreError{EINVAL};
    }
    return value;
}

}  // namespace

std::string Service::answer_domain(std::uint32_t caller, const Message& message)
{
    const Arguments arguments = split_strings(message.payload);
    switch (message.type) {
    case XS_GET_DOMAIN_PATH:
        return home_of(number(arguments, 0)) + '\0';
    case XS_IS_DOMAIN_INTRODUCED:
        return std::string{introduced_.contains(number(arguments, 0)) ? "T" : "F"} + '\0';
    case XS_INTRODUCE:
    case XS_RELEASE:
    case XS_RESUME:
    case XS_SET_TARGET:
        break;
    default:
        throw StoreError{ENOSYS};
    }
    if (caller != 0) {
        throw StoreError{EACCES};
    }
    const std::uint32_t domid = number(arguments, 0);
    if (message.type == XS_INTRODUCE) {
        introduce(domid, number<std::uint64_t>(arguments, 1), number(arguments, 2));
    } else if (message.type == XS_RELEASE) {
        (void)introduced(domid);
        release(domid);
    } else if (message.type == XS_RESUME) {
        introduced(domid).shutdown = false;
    } else {
        (void)introduced(domid);
        (void)introduced(number(arguments, 1));
    }
    return std::string{ok};
}

/// An introduced domain. Domain 0 is never asked for this way.
Service::Introduced& Service::introduced(std::uint32_t domid)
{
    if (domid == 0) {
        throw StoreError{EINVAL};
    }
    const auto found = introduced_.find(domid);
    if (found == introduced_.end()) {
        throw StoreError{ENOENT};
    }
    return found->second;
}

/// The first time announces the domain; each time starts its connection anew.
void Service::introduce(std::uint32_t domid, std::uint64_t mfn, std::uint32_t port)
{
    if (port == 0 || !surroundings_.domain_exists(domid)) {
        throw StoreError{EINVAL};
    }
    reset_clients_of(domid);
    if (!surroundings_.ring_introduced(domid, mfn, port)) {
        throw StoreError{EINVAL};
    }
    if (introduced_.try_emplace(domid).second) {
        fire_special("@introduceDomain");
    }
}

void Service::release(std::uint32_t domid)
{
    introduced_.erase(domid);
    reset_clients_of(domid);
    surroundings_.ring_released(domid);
    store_.remove_owned_by(domid);
    fire_special("@releaseDomain");
}

void Service::reset_clients_of(std::uint32_t domid)
{
    for (const auto& [id, client] : clients_) {
        if (client.domid == domid && domid != 0) {
            reset(id);
        }
    }
}

void Service::domain_shut_down(std::uint32_t domid)
{
    const auto found = introduced_.find(domid);
    if (found != introduced_.end() && !std::exchange(found->second.shutdown, true)) {
        fire_special("@releaseDomain");
    }
}

void Service::domain_gone(std::uint32_t domid)
{
    if (introduced_.contains(domid)) {
        release(domid);
    }
}

}  // namespace fakexen::store
