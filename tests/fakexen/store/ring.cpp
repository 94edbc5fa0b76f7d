// SPDX-License-Identifier: LGPL-2.1-or-later
// Moving octets between a domain's store ring and queues of the host.
#include "tests/fakexen/store/ring.hpp"

#include "libsr/base/bytes.hpp"
#include "tests/fakexen/store/wire.hpp"

#include <atomic>

namespace fakexen::store {

namespace {

using Interface = xenstore_domain_interface;

std::uint32_t index_at(Ring::Page page, std::size_t offset)
{
    const auto value = sr::load<std::uint32_t>(page, offset);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return value;
}

void set_index(Ring::Page page, std::size_t offset, std::uint32_t value)
{
    std::atomic_thread_fence(std::memory_order_seq_cst);
    sr::store(page, offset, value);
}

}  // namespace

void Ring::reset(Page page)
{
    for (const std::size_t offset :
         {offsetof(Interface, req_cons), offsetof(Interface, req_prod),
          offsetof(Interface, rsp_cons), offsetof(Interface, rsp_prod)}) {
        set_index(page, offset, 0);
    }
    set_index(page, offsetof(Interface, connection), XENSTORE_CONNECTED);
    in_.clear();
    out_.clear();
    dead_ = false;
}

bool Ring::receive(Page page)
{
    const std::uint32_t end = index_at(page, offsetof(Interface, req_prod));
    std::uint32_t at = index_at(page, offsetof(Interface, req_cons));
    if (dead_ || end - at > XENSTORE_RING_SIZE) {
        set_index(page, offsetof(Interface, error), XENSTORE_ERROR_RINGIDX);
        dead_ = true;
        return false;
    }
    for (; at != end; ++at) {
        in_.push_back(page[offsetof(Interface, req) + MASK_XENSTORE_IDX(at)]);
    }
    set_index(page, offsetof(Interface, req_cons), at);
    return true;
}

std::optional<std::vector<std::byte>> Ring::next_message()
{
    const std::size_t size = size_of_message(in_);
    if (size > sizeof(xsd_sockmsg) + XENSTORE_PAYLOAD_MAX) {
        dead_ = true;
        return {};
    }
    if (dead_ || size == 0 || in_.size() < size) {
        return {};
    }
    const auto end = in_.begin() + static_cast<std::ptrdiff_t>(size);
    std::vector<std::byte> message(in_.begin(), end);
    in_.erase(in_.begin(), end);
    return message;
}

bool Ring::transmit(Page page)
{
    std::uint32_t at = index_at(page, offsetof(Interface, rsp_prod));
    const std::uint32_t consumed = index_at(page, offsetof(Interface, rsp_cons));
    if (dead_ || out_.empty() || at - consumed > XENSTORE_RING_SIZE) {
        return false;
    }
    const std::uint32_t start = at;
    for (; !out_.empty() && at - consumed < XENSTORE_RING_SIZE; ++at) {
        page[offsetof(Interface, rsp) + MASK_XENSTORE_IDX(at)] = out_.front();
        out_.pop_front();
    }
    set_index(page, offsetof(Interface, rsp_prod), at);
    return at != start;
}

}  // namespace fakexen::store
