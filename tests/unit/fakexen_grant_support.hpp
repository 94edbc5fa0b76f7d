// SPDX-License-Identifier: LGPL-2.1-or-later
// Grant table operations of a domain and of dom0, with Xen's allocations counted and failed on cue.
#pragma once

#include "tests/fakexen/host/foreign_calls.hpp"
#include "tests/fakexen/host/grant_frames.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/unit/fakexen_support.hpp"

#include <bit>
#include <map>
#include <string>
#include <sys/mman.h>

namespace fakexen {

inline constexpr std::uint32_t shared_id = XENMEM_resource_grant_table_id_shared;
inline constexpr std::uint32_t status_id = XENMEM_resource_grant_table_id_status;

/// Counts what is allocated for a call, and refuses one of it.
class Allocations final : public CallObserver {
public:
    void entered(const char*, const char* call) override { calls.emplace_back(call); }
    void left(std::int64_t) noexcept override {}
    bool allocating(const char* what) override
    {
        ++counts[what];
        return ++nr != failing;
    }
    void reset(std::uint64_t nth_fails = 0)
    {
        counts.clear();
        nr = 0;
        failing = nth_fails;
    }

    std::vector<std::string> calls;
    std::map<std::string, int> counts;
    std::uint64_t nr = 0;
    std::uint64_t failing = 0;
};

template <typename T>
std::uint64_t address(const T* object)
{
    return std::bit_cast<std::uint64_t>(object);
}

/// Calls by the domain itself and by dom0.
class GrantVersionTest : public HypervisorTest {
protected:
    explicit GrantVersionTest(bool eager = false) : HypervisorTest{with_eager_status(eager)} {}
    ~GrantVersionTest() override { (void)::munmap(mapped, window_octets); }

    static HypervisorConfig with_eager_status(bool eager)
    {
        HypervisorConfig configured = config();
        configured.eager_status = eager;
        return configured;
    }

    GrantTable& table() { return domain.grants; }

    template <typename Request>
    std::int64_t grant_op(Domain& by, unsigned command, Request& request, std::uint64_t count = 1)
    {
        const Caller caller{this_process, by, nullptr, observer};
        return serve_hypercall(xen, caller, __HYPERVISOR_grant_table_op,
                               {command, address(&request), count});
    }

    struct SetVersion {
        std::int64_t result;
        std::uint32_t version;
        auto operator<=>(const SetVersion&) const = default;
    };
    SetVersion set_version(std::uint32_t version)
    {
        gnttab_set_version_t request = {.version = version};
        const std::int64_t result = grant_op(domain, GNTTABOP_set_version, request);
        return {result, request.version};
    }
    std::int16_t setup(std::uint32_t nr_frames, std::vector<std::uint64_t>& frames)
    {
        frames.assign(nr_frames, 0);
        gnttab_setup_table_t request = {};
        request.dom = DOMID_SELF;
        request.nr_frames = nr_frames;
        set_xen_guest_handle(request.frame_list, frames.data());
        EXPECT_EQ(grant_op(domain, GNTTABOP_setup_table, request), 0);
        return request.status;
    }
    std::int16_t grow_to(std::uint32_t nr_frames)
    {
        std::vector<std::uint64_t> frames;
        return setup(nr_frames, frames);
    }
    std::int16_t status_frames(Domain& by, domid_t of, std::uint32_t nr_frames,
                               std::vector<std::uint64_t>& frames)
    {
        frames.assign(nr_frames, 0);
        gnttab_get_status_frames_t request = {};
        request.dom = of;
        request.nr_frames = nr_frames;
        set_xen_guest_handle(request.frame_list, frames.data());
        EXPECT_EQ(grant_op(by, GNTTABOP_get_status_frames, request), 0);
        return request.status;
    }

    /// As libxenforeignmemory asks for dom0. @return 0, a size, or -errno
    std::int64_t acquire(std::uint32_t id, std::uint64_t first, std::uint64_t nr, Domain& of,
                         int prot = PROT_READ)
    {
        offsets.assign(nr, -1);
        protocol::MapResource request;
        request.domid = of.id;
        request.type = XENMEM_resource_grant_table;
        request.id = id;
        request.prot = prot;
        request.frame = first;
        request.nr_pages = nr;
        request.offsets = address(offsets.data());
        request.address = window;
        try {
            return serve_map_resource(xen, Caller{this_process, xen.dom0(), nullptr, observer},
                                      request);
        } catch (const Refused& refused) {
            return -refused.errnum;
        }
    }
    std::int64_t acquire(std::uint32_t id, std::uint64_t first, std::uint64_t nr)
    {
        return acquire(id, first, nr, domain);
    }
    void let_go(std::uint64_t nr) { xen.maps.unmap(this_process, window, nr); }

    template <typename T>
    T& entry(grant_ref_t ref)
    {
        return xen.machine.structure<T>(table().shared.at(0), ref * sizeof(T));
    }
    grant_status_t& status(grant_ref_t ref)
    {
        return xen.machine.structure<grant_status_t>(table().status->at(0),
                                                     ref * sizeof(grant_status_t));
    }

    static constexpr std::size_t window_octets = 64 * page_size;
    Allocations observer;
    std::vector<std::int64_t> offsets;
    /// Of the memory file: what is mapped there counts as mapped by this process.
    void* const mapped =
        ::mmap(nullptr, window_octets, PROT_NONE, MAP_SHARED, xen.machine.memory_fd(), 0);
    const std::uint64_t window = address(static_cast<const std::byte*>(mapped));
    const std::uint64_t free_before = xen.machine.nr_free();
};

}  // namespace fakexen
