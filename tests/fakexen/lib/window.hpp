// SPDX-License-Identifier: LGPL-2.1-or-later
// A range of a process's address space that machine frames are mapped into.
#pragma once

#include "tests/fakexen/protocol/client.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fakexen {

/// A reservation of whole pages: a PROT_NONE mapping of the memory file, so that /proc/PID/maps shows it before the host
/// grants anything. Frames replace it piece by piece. It is no part of a larger mapping, so a plain munmap by
/// whoever holds it ends it; and no child inherits it, as none inherits those of privcmd.
class Window {
public:
    Window(Client& client, void* hint, std::size_t nr_pages, int flags) noexcept;
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    /// Lets go of the range, first here and then at the host, unless it was kept.
    ~Window();

    [[nodiscard]] explicit operator bool() const noexcept { return address_ != nullptr; }
    [[nodiscard]] std::uint64_t address() const noexcept
    {
        return std::bit_cast<std::uint64_t>(address_);
    }

    /// Maps each page's frame by its offset in the memory file, present at once as privcmd does it. Pages with a
    /// negative offset stay untouchable. @return false with errno set, the window then being of no use
    [[nodiscard]] bool place(std::span<const std::int64_t> offsets, int prot) const noexcept;

    /// From now on the range is the caller's.
    [[nodiscard]] void* keep() noexcept;

private:
    Client& client_;
    void* address_;
    std::size_t nr_pages_;
};

}  // namespace fakexen
