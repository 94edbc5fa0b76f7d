// SPDX-License-Identifier: LGPL-2.1-or-later
// A fakexen host as a guest program sees it: its side of protocol/messages.hpp, spoken by the test itself.
#include "tests/fakexen/protocol/client.hpp"
#include "tests/support/fakehost.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

extern "C" {
#include <xenctrl.h>

// Exported by libxenctrl, declared in none of its installed headers.
int xc_domctl(xc_interface* xch, xen_domctl* domctl);
}

namespace sr::test {
namespace {

using namespace fakexen;

constexpr std::uint64_t nr_pages = 64;

/// A domain that this process is both the toolstack and the kernel of.
class GuestCallsTest : public testing::Test {
protected:
    void SetUp() override
    {
        ::setenv("FAKEXEN_HOST", host_.path().c_str(), 1);
        xch_ = xc_interface_open(nullptr, nullptr, XC_OPENFLAG_NON_REENTRANT);
        ASSERT_NE(xch_, nullptr);
        xen_domctl_createdomain config = {};
        config.max_vcpus = 1;
        config.max_evtchn_port = 1023;
        config.max_grant_frames = 4;
        config.grant_opts = XEN_DOMCTL_GRANT_version(1);
        ASSERT_EQ(xc_domain_create(xch_, &domid_, &config), 0);
        ASSERT_EQ(xc_domain_max_vcpus(xch_, domid_, 1), 0);
        ASSERT_EQ(xc_domain_setmaxmem(xch_, domid_, nr_pages * 4), 0);
        std::iota(mfns_.begin(), mfns_.end(), 0);
        ASSERT_EQ(xc_domain_populate_physmap_exact(xch_, domid_, nr_pages, 0, 0, mfns_.data()), 0);
        client_ = Client::connect(nullptr, protocol::Role::guest, domid_).client;
        ASSERT_NE(client_, nullptr);
    }

    void TearDown() override
    {
        client_.reset();
        (void)xc_domain_destroy(xch_, domid_);
        (void)xc_interface_close(xch_);
        ::unsetenv("FAKEXEN_HOST");
    }

    std::int64_t mark_dirty(const std::vector<std::uint64_t>& mfns) const
    {
        protocol::MarkDirty request;
        request.mfns = std::bit_cast<std::uint64_t>(mfns.data());
        request.nr_mfns = mfns.size();
        return client_->call(request);
    }

    /// What CLEAN or PEEK says of the first 64 pfns.
    struct Read {
        int error = 0;
        std::uint64_t bitmap = 0;
        std::uint32_t dirty = 0;
        std::uint32_t faults = 0;
    };
    Read read_log(unsigned what, std::uint32_t mode = 0) const
    {
        Read read;
        xen_domctl op = {};
        op.cmd = XEN_DOMCTL_shadow_op;
        op.domain = static_cast<domid_t>(domid_);
        op.u.shadow_op.op = what;
        op.u.shadow_op.mode = mode;
        op.u.shadow_op.pages = nr_pages;
        void* const at = &read.bitmap;
        set_xen_guest_handle_raw(op.u.shadow_op.dirty_bitmap, static_cast<std::uint8_t*>(at));
        read.error = xc_domctl(xch_, &op) == 0 ? 0 : errno;
        read.dirty = op.u.shadow_op.stats.dirty_count;
        read.faults = op.u.shadow_op.stats.fault_count;
        return read;
    }

    FakeHost host_;
    std::uint32_t domid_ = 0;
    std::vector<xen_pfn_t> mfns_ = std::vector<xen_pfn_t>(nr_pages);
    xc_interface* xch_ = nullptr;
    std::unique_ptr<Client> client_;
};

TEST_F(GuestCallsTest, StoresAreToldAndSeenByTheToolstack)
{
    EXPECT_EQ(mark_dirty({mfns_[5]}), -EBUSY) << "paused: not its time";
    ASSERT_EQ(xc_shadow_control(xch_, domid_, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, nullptr, 0), 0);
    ASSERT_EQ(xc_domain_unpause(xch_, domid_), 0);
    protocol::RunQuantumReply reply;
    ASSERT_EQ(client_->call_for(protocol::RunQuantum{}, reply), 0);
    EXPECT_EQ(reply.verdict, protocol::Verdict::go);
    EXPECT_EQ(reply.log_dirty, 1U);
    EXPECT_EQ(mark_dirty({mfns_[5], mfns_[33], mfns_[5], 7}), 0);
    client_.reset();  // which ends the quantum, as a call for the next would
    const Read peeked = read_log(XEN_DOMCTL_SHADOW_OP_PEEK);
    EXPECT_EQ(peeked.dirty, 2U);
    EXPECT_EQ(peeked.faults, 2U);
    const Read cleaned = read_log(XEN_DOMCTL_SHADOW_OP_CLEAN);
    EXPECT_EQ(cleaned.error, 0);
    EXPECT_EQ(cleaned.bitmap, std::uint64_t{1} << 5 | std::uint64_t{1} << 33);
    EXPECT_EQ(cleaned.dirty, 2U);
    const Read again = read_log(XEN_DOMCTL_SHADOW_OP_PEEK);
    EXPECT_EQ(again.bitmap, 0U);
    EXPECT_EQ(again.dirty, 0U);
    EXPECT_EQ(again.faults, 0U);
    EXPECT_EQ(xc_shadow_control(xch_, domid_, XEN_DOMCTL_SHADOW_OP_OFF, nullptr, 0), 0);
}

// Xen 4.17 gives frames and takes them without a word to the log: only what is stored into them is dirty.
TEST_F(GuestCallsTest, MemoryThatComesAndGoesIsNotDirty)
{
    ASSERT_EQ(xc_shadow_control(xch_, domid_, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, nullptr, 0), 0);
    ASSERT_EQ(xc_domain_decrease_reservation_exact(xch_, domid_, 1, 0, &mfns_[3]), 0);
    xen_pfn_t pfn = 3;
    ASSERT_EQ(xc_domain_populate_physmap_exact(xch_, domid_, 1, 0, 0, &pfn), 0);
    EXPECT_EQ(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN).bitmap, 0U);
    EXPECT_EQ(xc_shadow_control(xch_, domid_, XEN_DOMCTL_SHADOW_OP_OFF, nullptr, 0), 0);
}

TEST_F(GuestCallsTest, TheLogIsSwitchedAsXenSwitchesIt)
{
    const auto turn = [&](unsigned op) {
        return xc_shadow_control(xch_, domid_, op, nullptr, 0) == 0 ? 0 : errno;
    };
    EXPECT_EQ(turn(XEN_DOMCTL_SHADOW_OP_OFF), 0) << "it was not on";
    EXPECT_EQ(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN).error, 0) << "nobody asks whether it is on";
    EXPECT_EQ(turn(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    EXPECT_EQ(turn(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), EINVAL);
    EXPECT_EQ(turn(XEN_DOMCTL_SHADOW_OP_OFF), 0);
    EXPECT_EQ(turn(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    EXPECT_EQ(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL).error, 0);
    EXPECT_EQ(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 2).error, EINVAL);
    EXPECT_EQ(turn(XEN_DOMCTL_SHADOW_OP_OFF), 0);
}

}  // namespace
}  // namespace sr::test
