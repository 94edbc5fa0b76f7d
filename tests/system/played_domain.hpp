// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain that the test itself is the kernel of, as far as its grant table goes.
#pragma once

#include "libsr/base/bytes.hpp"
#include "tests/fakexen/protocol/client.hpp"

#include <cstdint>
#include <memory>

struct xc_interface_core;
struct xenforeignmemory_handle;

namespace sr::test {

/// Lives as long as this does, on the host of FAKEXEN_HOST.
class PlayedDomain {
public:
    explicit PlayedDomain(std::uint32_t max_grant_frames = 8);
    PlayedDomain(const PlayedDomain&) = delete;
    PlayedDomain& operator=(const PlayedDomain&) = delete;
    ~PlayedDomain();

    [[nodiscard]] std::uint32_t domid() const noexcept { return domid_; }

    /// GNTTABOP_set_version, of the domain itself. @return 0 or a negative errno
    [[nodiscard]] std::int64_t set_version(std::uint32_t version);
    /// GNTTABOP_setup_table: the table has so many frames then.
    void grow(std::uint32_t nr_frames);
    /// Writes octets into a frame of its table or of its status, at an offset.
    void write(unsigned kind, std::uint32_t frame, std::size_t offset, const Octets& octets) const;

private:
    [[nodiscard]] std::int64_t grant_op(unsigned command, void* argument);

    xc_interface_core* xch_;
    xenforeignmemory_handle* fmem_;
    std::uint32_t domid_ = 0;
    std::unique_ptr<fakexen::Client> kernel_;
};

}  // namespace sr::test
