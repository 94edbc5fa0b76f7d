// SPDX-License-Identifier: LGPL-2.1-or-later
// Creating a domain, and making the calls of its kernel.
#include "tests/system/played_domain.hpp"

#include "libsr/xen/libraries.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace sr::test {

PlayedDomain::PlayedDomain(std::uint32_t max_grant_frames)
    : xch_{xc_interface_open(nullptr, nullptr, 0)}, fmem_{xenforeignmemory_open(nullptr, 0)}
{
    xen_domctl_createdomain config{};
    config.max_vcpus = 1;
    config.max_evtchn_port = 1023;
    config.max_grant_frames = static_cast<std::int32_t>(max_grant_frames);
    config.grant_opts = XEN_DOMCTL_GRANT_version(2);
    EXPECT_EQ(xc_domain_create(xch_, &domid_, &config), 0) << errno;
    EXPECT_EQ(xc_domain_max_vcpus(xch_, domid_, 1), 0);
    kernel_ = fakexen::Client::connect(nullptr, fakexen::protocol::Role::guest, domid_).client;
    EXPECT_NE(kernel_, nullptr);
}

PlayedDomain::~PlayedDomain()
{
    kernel_.reset();
    (void)xc_domain_destroy(xch_, domid_);
    (void)xenforeignmemory_close(fmem_);
    (void)xc_interface_close(xch_);
}

std::int64_t PlayedDomain::grant_op(unsigned command, void* argument)
{
    return kernel_->hypercall(__HYPERVISOR_grant_table_op,
                              {command, std::bit_cast<std::uint64_t>(argument), 1});
}

std::int64_t PlayedDomain::set_version(std::uint32_t version)
{
    gnttab_set_version_t request{};
    request.version = version;
    return grant_op(GNTTABOP_set_version, &request);
}

void PlayedDomain::grow(std::uint32_t nr_frames)
{
    std::vector<xen_pfn_t> frames(nr_frames);
    gnttab_setup_table_t request{};
    request.dom = DOMID_SELF;
    request.nr_frames = nr_frames;
    set_xen_guest_handle_raw(request.frame_list, frames.data());
    EXPECT_EQ(grant_op(GNTTABOP_setup_table, &request), 0);
    EXPECT_EQ(request.status, GNTST_okay);
}

void PlayedDomain::write(unsigned kind, std::uint32_t frame, std::size_t offset,
                         const Octets& octets) const
{
    void* address = nullptr;
    auto* const handle = xenforeignmemory_map_resource(fmem_, static_cast<domid_t>(domid_),
                                                       XENMEM_resource_grant_table, kind, frame, 1,
                                                       &address, PROT_READ | PROT_WRITE, 0);
    ASSERT_NE(handle, nullptr) << errno;
    std::ranges::copy(octets, static_cast<std::byte*>(address) + offset);
    EXPECT_EQ(xenforeignmemory_unmap_resource(fmem_, handle), 0);
}

}  // namespace sr::test
