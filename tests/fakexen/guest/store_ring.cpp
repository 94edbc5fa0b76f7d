// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's end of struct xenstore_domain_interface (xen/io/xs_wire.h).
#include "tests/fakexen/guest/store_ring.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

namespace fakexen::guest {

namespace {

using Interface = xenstore_domain_interface;

constexpr int answer_timeout_ms = 200;
constexpr std::uint32_t pause_quanta = 20;  ///< before a mute store is asked again

std::uint32_t index_at(std::span<std::byte, page_size> page, std::size_t offset)
{
    std::uint32_t value = 0;
    std::memcpy(&value, page.data() + offset, sizeof value);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return value;
}

void set_index(std::span<std::byte, page_size> page, std::size_t offset, std::uint32_t value)
{
    std::atomic_thread_fence(std::memory_order_seq_cst);
    std::memcpy(page.data() + offset, &value, sizeof value);
}

}  // namespace

std::optional<std::string> StoreRing::ask(std::uint32_t type, const std::string& payload)
{
    refusal_.clear();
    const store::Message request{type, ++kernel_.state.store_request, 0, payload};
    if (!send(request)) {
        give_up();
        return {};
    }
    while (auto message = receive(answer_timeout_ms)) {
        if (message->type == XS_WATCH_EVENT) {
            watch_fired_ = true;
        } else if (message->request == request.request) {
            if (message->type != XS_ERROR) {
                return std::move(message->payload);
            }
            refusal_ = message->payload.c_str();
            return {};
        }
    }
    give_up();
    return {};
}

/// Perhaps the domain is not introduced yet. Then the ring will be reset, and watches have to be
/// set again.
void StoreRing::give_up()
{
    kernel_.state.store_ready = 0;
    kernel_.state.store_pause = pause_quanta;
}

std::optional<std::string> StoreRing::read(const std::string& path)
{
    return ask(XS_READ, store::join_strings({path}));
}

bool StoreRing::write(const std::string& path, const std::string& value)
{
    return ask(XS_WRITE, store::join_strings({path}) + value).has_value();
}

bool StoreRing::watch_fired()
{
    while (octets_waiting() != 0) {
        const auto message = receive(answer_timeout_ms);
        if (!message) {
            give_up();
            break;
        }
        watch_fired_ = watch_fired_ || message->type == XS_WATCH_EVENT;
    }
    return std::exchange(watch_fired_, false);
}

bool StoreRing::send(const store::Message& message)
{
    const auto octets = store::encode(message);
    const auto page = kernel_.page(kernel_.state.places.store_ring, Access::write);
    std::uint32_t at = index_at(page, offsetof(Interface, req_prod));
    const std::uint32_t used = at - index_at(page, offsetof(Interface, req_cons));
    if (used > XENSTORE_RING_SIZE || XENSTORE_RING_SIZE - used < octets.size()) {
        return false;
    }
    for (const std::byte octet : octets) {
        page[offsetof(Interface, req) + MASK_XENSTORE_IDX(at++)] = octet;
    }
    set_index(page, offsetof(Interface, req_prod), at);
    return kernel_.machine().notify(kernel_.store_port()) == 0;
}

std::size_t StoreRing::octets_waiting() const
{
    const auto page = kernel_.page(kernel_.state.places.store_ring, Access::read);
    return index_at(page, offsetof(Interface, rsp_prod)) -
           index_at(page, offsetof(Interface, rsp_cons));
}

/// The next octets of the response ring, as many of n as are there.
std::vector<std::byte> StoreRing::take_octets(std::size_t n)
{
    const auto page = kernel_.page(kernel_.state.places.store_ring, Access::write);
    std::uint32_t at = index_at(page, offsetof(Interface, rsp_cons));
    std::vector<std::byte> octets;
    for (std::size_t left = std::min(n, octets_waiting()); left != 0; --left) {
        octets.push_back(page[offsetof(Interface, rsp) + MASK_XENSTORE_IDX(at++)]);
    }
    if (!octets.empty()) {
        set_index(page, offsetof(Interface, rsp_cons), at);
        (void)kernel_.machine().notify(kernel_.store_port());
    }
    return octets;
}

/// One whole message, waiting for the parts of it that are not there yet.
std::optional<store::Message> StoreRing::receive(int timeout_ms)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
    std::vector<std::byte> octets;
    for (;;) {
        const std::size_t size = store::size_of_message(octets);
        const std::size_t want = size == 0 ? sizeof(xsd_sockmsg) : size;
        if (size > sizeof(xsd_sockmsg) + XENSTORE_PAYLOAD_MAX) {
            return {};
        }
        if (size != 0 && octets.size() == size) {
            return store::decode(octets);
        }
        const auto more = take_octets(want - octets.size());
        octets.insert(octets.end(), more.begin(), more.end());
        if (more.empty()) {
            if (std::chrono::steady_clock::now() >= end) {
                return {};
            }
            std::this_thread::sleep_for(std::chrono::microseconds{50});
        }
    }
}

}  // namespace fakexen::guest
