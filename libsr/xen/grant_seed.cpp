// SPDX-License-Identifier: LGPL-2.1-or-later
// Seeding a grant table through its mapped first frame.
#include "libsr/xen/grant_seed.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <cerrno>
#include <cinttypes>
#include <limits>
#include <sys/mman.h>

namespace sr {
namespace {

/// The first frame of a domain's shared grant entries, mapped writably.
class GrantFrame {
public:
    explicit GrantFrame(const Domain& domain) : fmem_{domain.host().fmem()}
    {
        void* address = nullptr;
        handle_ = xenforeignmemory_map_resource(
            fmem_, static_cast<domid_t>(domain.domid()), XENMEM_resource_grant_table,
            XENMEM_resource_grant_table_id_shared, 0, 1, &address, PROT_READ | PROT_WRITE, 0);
        if (handle_ == nullptr) {
            const int errnum = errno;
            throw call_failed("XENMEM_acquire_resource", errnum,
                              "mapping the grant table of domain %u%s", domain.domid(),
                              acquire_hint(errnum));
        }
        entries_ = static_cast<grant_entry_v1_t*>(address);
    }
    ~GrantFrame() { (void)xenforeignmemory_unmap_resource(fmem_, handle_); }
    GrantFrame(const GrantFrame&) = delete;
    GrantFrame& operator=(const GrantFrame&) = delete;

    void write(unsigned index, const GrantedRing& ring) const noexcept
    {
        entries_[index] = {.flags = GTF_permit_access,
                           .domid = static_cast<domid_t>(ring.backend_domid),
                           .frame = static_cast<std::uint32_t>(ring.gfn)};
    }

private:
    xenforeignmemory_handle* fmem_;
    xenforeignmemory_resource_handle* handle_ = nullptr;
    grant_entry_v1_t* entries_ = nullptr;
};

bool wanted(const Domain& domain, const std::optional<GrantedRing>& ring)
{
    if (!ring || ring->backend_domid == domain.domid()) {
        return false;
    }
    if (ring->gfn > std::numeric_limits<std::uint32_t>::max()) {
        throw Error{Errc::limit, "frame %#" PRIx64 " does not fit a version 1 grant entry",
                    ring->gfn};
    }
    return true;
}

}  // namespace

void seed_grant_table(const Domain& domain, const std::optional<GrantedRing>& console,
                      const std::optional<GrantedRing>& xenstore)
{
    const bool with_console = wanted(domain, console);
    const bool with_xenstore = wanted(domain, xenstore);
    if (!with_console && !with_xenstore) {
        return;
    }
    const GrantFrame frame{domain};
    if (with_console) {
        frame.write(GNTTAB_RESERVED_CONSOLE, *console);
    }
    if (with_xenstore) {
        frame.write(GNTTAB_RESERVED_XENSTORE, *xenstore);
    }
}

}  // namespace sr
