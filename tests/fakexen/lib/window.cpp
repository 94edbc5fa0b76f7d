// SPDX-License-Identifier: LGPL-2.1-or-later
// Reserving a range and mapping runs of frames into it.
#include "tests/fakexen/lib/window.hpp"

#include <cerrno>
#include <sys/mman.h>
#include <utility>

namespace fakexen {
namespace {

constexpr std::size_t page_octets = 4096;

}  // namespace

Window::Window(Client& client, void* hint, std::size_t nr_pages, int flags) noexcept
    : client_{client}, address_{nullptr}, nr_pages_{nr_pages}
{
    void* at =
        ::mmap(hint, nr_pages * page_octets, PROT_NONE, flags | MAP_SHARED, client.memory_fd(), 0);
    if (at != MAP_FAILED) {
        address_ = at;
        (void)::madvise(at, nr_pages * page_octets, MADV_DONTFORK);
    }
}

Window::~Window()
{
    if (address_ == nullptr) {
        return;
    }
    const int saved = errno;
    (void)::munmap(address_, nr_pages_ * page_octets);
    protocol::Unmap request;
    request.address = address();
    request.nr_pages = nr_pages_;
    (void)client_.call(request);
    errno = saved;
}

bool Window::place(std::span<const std::int64_t> offsets, int prot) const noexcept
{
    for (std::size_t i = 0; i < offsets.size();) {
        std::size_t run = 1;
        if (offsets[i] >= 0) {
            while (i + run < offsets.size() &&
                   offsets[i + run] == offsets[i] + static_cast<std::int64_t>(run * page_octets)) {
                ++run;
            }
            void* at = static_cast<char*>(address_) + i * page_octets;
            if (::mmap(at, run * page_octets, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
                       client_.memory_fd(), offsets[i]) == MAP_FAILED) {
                return false;
            }
        }
        i += run;
    }
    return ::madvise(address_, offsets.size() * page_octets, MADV_DONTFORK) == 0;
}

void* Window::keep() noexcept
{
    return std::exchange(address_, nullptr);
}

}  // namespace fakexen
