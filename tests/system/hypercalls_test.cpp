// SPDX-License-Identifier: LGPL-2.1-or-later
// fakexen through the real libxenctrl and libxenforeignmemory: what a toolstack does, and the errnos of Xen 4.17.
#include "tests/support/fakehost.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <numeric>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern "C" {
#include <xenctrl.h>
#include <xenforeignmemory.h>

// Exported by libxenctrl, declared in none of its installed headers.
int xc_get_pfn_type_batch(xc_interface* xch, uint32_t domid, unsigned num, xen_pfn_t* frames);
int xc_domctl(xc_interface* xch, xen_domctl* domctl);
}

namespace sr::test {
namespace {

constexpr std::size_t page_octets = 4096;
constexpr std::size_t nr_pages = 256;

/// -1 becomes -errno.
int or_errno(int result)
{
    return result < 0 ? -errno : result;
}

class HypercallsTest : public testing::Test {
protected:
    explicit HypercallsTest(const std::vector<std::string>& quirks = {})
        : host_{options_with(quirks)}
    {
    }

    static std::vector<std::string> options_with(const std::vector<std::string>& quirks)
    {
        std::vector<std::string> options = {"--memory", "256M"};
        for (const std::string& quirk : quirks) {
            options.insert(options.end(), {"--quirk", quirk});
        }
        return options;
    }

    void SetUp() override
    {
        ::setenv("FAKEXEN_HOST", host_.path().c_str(), 1);
        xch_.reset(xc_interface_open(nullptr, nullptr, XC_OPENFLAG_NON_REENTRANT));
        ASSERT_NE(xch_, nullptr);
        fmem_ = xenforeignmemory_open(nullptr, 0);
        ASSERT_NE(fmem_, nullptr);
        ASSERT_EQ(create(domid_), 0);
        ASSERT_EQ(xc_domain_max_vcpus(xch(), domid_, 2), 0);
        ASSERT_EQ(xc_domain_setmaxmem(xch(), domid_, nr_pages * page_octets / 1024), 0);
        mfns_.resize(nr_pages);
        std::iota(mfns_.begin(), mfns_.end(), 0);
        ASSERT_EQ(xc_domain_populate_physmap_exact(xch(), domid_, nr_pages, 0, 0, mfns_.data()), 0);
    }

    void TearDown() override
    {
        (void)xc_domain_destroy(xch(), domid_);
        (void)xenforeignmemory_close(fmem_);
        ::unsetenv("FAKEXEN_HOST");
    }

    xc_interface* xch() const { return xch_.get(); }

    int create(std::uint32_t& domid, std::uint32_t flags = 0) const
    {
        xen_domctl_createdomain config = {};
        config.flags = flags;
        config.max_vcpus = 2;
        config.max_evtchn_port = 1023;
        config.max_grant_frames = 4;
        config.grant_opts = XEN_DOMCTL_GRANT_version(1);
        return or_errno(xc_domain_create(xch(), &domid, &config));
    }

    /// Maps frames, all or nothing.
    void* map(const std::vector<xen_pfn_t>& frames, int prot = PROT_READ | PROT_WRITE,
              std::uint32_t domid = ~0U) const
    {
        return xenforeignmemory_map(fmem_, domid == ~0U ? domid_ : domid, prot, frames.size(),
                                    frames.data(), nullptr);
    }

    void unmap(void* at, std::size_t pages = 1) const
    {
        EXPECT_EQ(xenforeignmemory_unmap(fmem_, at, pages), 0);
    }

    /// Zeroes a page and writes one entry.
    void write_entry(xen_pfn_t table, unsigned slot, xen_pfn_t target, std::uint64_t flags) const
    {
        auto* entries = static_cast<std::uint64_t*>(map({table}));
        ASSERT_NE(entries, nullptr);
        std::memset(entries, 0, page_octets);
        entries[slot] = target << 12 | flags;
        unmap(entries);
    }

    int pin(xen_pfn_t mfn, unsigned command = MMUEXT_PIN_L1_TABLE) const
    {
        mmuext_op op = {};
        op.cmd = command;
        op.arg1.mfn = mfn;
        return or_errno(xc_mmuext_op(xch(), &op, 1, domid_));
    }

    std::uint64_t type_of(xen_pfn_t mfn) const
    {
        EXPECT_EQ(xc_get_pfn_type_batch(xch(), domid_, 1, &mfn), 0);
        return mfn;
    }

    FakeHost host_;
    std::uint32_t domid_ = 0;
    std::vector<xen_pfn_t> mfns_;
    xenforeignmemory_handle* fmem_ = nullptr;
    struct Close {
        void operator()(xc_interface* xch) const { (void)xc_interface_close(xch); }
    };
    std::unique_ptr<xc_interface, Close> xch_;
};

TEST_F(HypercallsTest, GetinfoFindsTheFirstDomainNotBelow)
{
    xc_dominfo_t info = {};
    ASSERT_EQ(xc_domain_getinfo(xch(), domid_, 1, &info), 1);
    EXPECT_EQ(info.domid, domid_);
    EXPECT_EQ(info.nr_pages, nr_pages);
    EXPECT_TRUE(info.paused);
    EXPECT_FALSE(info.shutdown);
    EXPECT_EQ(xc_domain_getinfo(xch(), domid_ + 1, 1, &info), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST_F(HypercallsTest, DomainsAreCreatedOnce)
{
    std::uint32_t again = domid_;
    EXPECT_EQ(create(again), -EEXIST);
    std::uint32_t hvm = 0;
    EXPECT_EQ(create(hvm, XEN_DOMCTL_CDF_hvm), -EINVAL);
}

TEST_F(HypercallsTest, MemoryEndsAtTheLimit)
{
    xen_pfn_t pfn = nr_pages;
    EXPECT_EQ(xc_domain_populate_physmap(xch(), domid_, 1, 0, 0, &pfn), 0);
    xen_pfn_t freed = mfns_[7];
    ASSERT_EQ(xc_domain_decrease_reservation_exact(xch(), domid_, 1, 0, &freed), 0);
    EXPECT_EQ(xc_domain_decrease_reservation(xch(), domid_, 1, 0, &freed), 0) << "gone already";
    EXPECT_EQ(xc_domain_populate_physmap(xch(), domid_, 1, 0, 0, &pfn), 1);
}

TEST_F(HypercallsTest, FramesAreMappedOneByOneOrAllOrNone)
{
    const std::vector<xen_pfn_t> frames = {mfns_[0], 12, mfns_[2], ~xen_pfn_t{0}};
    std::vector<int> errors(frames.size(), 1);
    void* at =
        xenforeignmemory_map(fmem_, domid_, PROT_READ, frames.size(), frames.data(), errors.data());
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(errors, (std::vector<int>{0, -EPERM, 0, -EINVAL}));
    unmap(at, frames.size());
    EXPECT_EQ(map(frames), nullptr);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(map({mfns_[0]}, PROT_READ, 77), nullptr);
    EXPECT_EQ(errno, ESRCH);
    EXPECT_EQ(map({mfns_[0]}, PROT_READ, DOMID_IO), nullptr);
    EXPECT_EQ(errno, EBUSY);
}

TEST_F(HypercallsTest, TheM2pSaysWhichPfnAFrameIs)
{
    unsigned long nr_frames = 0;
    ASSERT_EQ(xc_maximum_ram_page(xch(), &nr_frames), 0);
    constexpr std::size_t extent_octets = 2 << 20;
    const std::size_t nr_extents = (nr_frames * 8 + extent_octets - 1) / extent_octets;
    std::vector<xen_pfn_t> starts(nr_extents);
    ASSERT_EQ(xc_machphys_mfn_list(xch(), nr_extents, starts.data()), 0);
    const std::size_t extent = mfns_[9] * 8 / extent_octets;
    EXPECT_GE(starts[extent], nr_frames) << "a frame of the M2P is no frame of RAM";
    const std::size_t page = mfns_[9] * 8 % extent_octets / page_octets;
    auto* m2p = static_cast<std::uint64_t*>(map({starts[extent] + page}, PROT_READ, DOMID_XEN));
    ASSERT_NE(m2p, nullptr);
    EXPECT_EQ(m2p[mfns_[9] % 512], 9U);
    unmap(m2p);
    EXPECT_EQ(map({starts[0]}, PROT_READ | PROT_WRITE, DOMID_XEN), nullptr);
    EXPECT_EQ(errno, EBUSY);
}

TEST_F(HypercallsTest, TypesFollowPinsAndValidation)
{
    write_entry(mfns_[1], 5, mfns_[2], 0x3);  // L1
    write_entry(mfns_[0], 5, mfns_[1], 0x7);  // L2
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_NOTAB);
    ASSERT_EQ(pin(mfns_[0], MMUEXT_PIN_L2_TABLE), 0);
    EXPECT_EQ(type_of(mfns_[0]), XEN_DOMCTL_PFINFO_L2TAB | XEN_DOMCTL_PFINFO_LPINTAB);
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_L1TAB);
    EXPECT_EQ(map({mfns_[1]}), nullptr) << "a writable mapping of a page table";
    EXPECT_EQ(errno, EBUSY);
    ASSERT_EQ(pin(mfns_[0], MMUEXT_UNPIN_TABLE), 0);
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_NOTAB) << "de-validated";
    EXPECT_EQ(type_of(12), XEN_DOMCTL_PFINFO_XTAB);
    EXPECT_EQ(type_of(~xen_pfn_t{0}), XEN_DOMCTL_PFINFO_XTAB);
    std::vector<xen_pfn_t> many(1025, mfns_[0]);
    EXPECT_EQ(or_errno(xc_get_pfn_type_batch(xch(), domid_, 1025, many.data())), -E2BIG);
}

TEST_F(HypercallsTest, AWritableMappingForbidsAPinUntilItIsGone)
{
    void* at = map({mfns_[1]});
    ASSERT_NE(at, nullptr);
    std::memset(at, 0, page_octets);
    EXPECT_EQ(pin(mfns_[1]), -EINVAL);
    ASSERT_EQ(::munmap(at, page_octets), 0);  // libxenguest does so: the library sees nothing of it
    EXPECT_EQ(pin(mfns_[1]), 0);
    EXPECT_EQ(pin(mfns_[1]), -EINVAL) << "pinned already";
}

TEST_F(HypercallsTest, VcpuErrnos)
{
    vcpu_guest_context_any_t context = {};
    EXPECT_EQ(or_errno(xc_vcpu_getcontext(xch(), domid_, 0, &context)), -ENODATA);
    EXPECT_EQ(or_errno(xc_vcpu_getcontext(xch(), domid_, 2, &context)), -EINVAL);
    xc_vcpuinfo_t info = {};
    EXPECT_EQ(or_errno(xc_vcpu_getinfo(xch(), domid_, 2, &info)), -EINVAL);
    EXPECT_EQ(xc_vcpu_getinfo(xch(), domid_, 1, &info), 0);
    EXPECT_FALSE(info.online);
    context.x64.flags = VGCF_in_kernel;
    context.x64.ctrlreg[3] = 5 << 12;
    EXPECT_EQ(or_errno(xc_vcpu_setcontext(xch(), domid_, 0, &context)), -EINVAL);
    write_entry(mfns_[0], 5, mfns_[1], 0);
    context.x64.ctrlreg[3] = mfns_[0] << 12;
    EXPECT_EQ(xc_vcpu_setcontext(xch(), domid_, 0, &context), 0);
    EXPECT_EQ(type_of(mfns_[0]), XEN_DOMCTL_PFINFO_L4TAB);
    EXPECT_EQ(xc_vcpu_getcontext(xch(), domid_, 0, &context), 0);
    EXPECT_EQ(context.x64.ctrlreg[3], mfns_[0] << 12);
}

TEST_F(HypercallsTest, CallbackSelectorsAreLiftedToTheKernelsRing)
{
    xen_domctl op = {};
    op.cmd = XEN_DOMCTL_set_ext_vcpucontext;
    op.domain = static_cast<domid_t>(domid_);
    op.u.ext_vcpucontext.size = sizeof op.u.ext_vcpucontext;
    op.u.ext_vcpucontext.sysenter_callback_cs = 0x60;
    ASSERT_EQ(xc_domctl(xch(), &op), 0);
    op.cmd = XEN_DOMCTL_get_ext_vcpucontext;
    ASSERT_EQ(xc_domctl(xch(), &op), 0);
    EXPECT_EQ(op.u.ext_vcpucontext.sysenter_callback_cs, 0x63);
    EXPECT_EQ(op.u.ext_vcpucontext.syscall32_callback_cs, 3) << "never set";
}

TEST_F(HypercallsTest, LogDirtyIsTurnedOnOnce)
{
    const auto control = [&](unsigned op) {
        return or_errno(static_cast<int>(xc_shadow_control(xch(), domid_, op, nullptr, 0)));
    };
    EXPECT_EQ(control(XEN_DOMCTL_SHADOW_OP_OFF), 0);
    EXPECT_EQ(control(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    EXPECT_EQ(control(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), -EINVAL);
    EXPECT_EQ(control(XEN_DOMCTL_SHADOW_OP_OFF), 0);
}

TEST_F(HypercallsTest, OnlyTheShapeOfAGuestThatThereIs)
{
    unsigned width = 0;
    ASSERT_EQ(xc_domain_get_guest_width(xch(), domid_, &width), 0);
    EXPECT_EQ(width, 8U);
    EXPECT_EQ(xc_domain_unpause(xch(), domid_), 0);
    EXPECT_EQ(or_errno(xc_domain_unpause(xch(), domid_)), -EINVAL) << "not paused";
    EXPECT_EQ(xc_domain_pause(xch(), domid_), 0);
}

TEST_F(HypercallsTest, ADomainBecomesA32BitOneBeforeItHasPages)
{
    const auto set_size = [&](std::uint32_t domid, std::uint32_t size) {
        xen_domctl op = {};
        op.cmd = XEN_DOMCTL_set_address_size;
        op.domain = static_cast<domid_t>(domid);
        op.u.address_size.size = size;
        return or_errno(xc_domctl(xch(), &op));
    };
    EXPECT_EQ(set_size(domid_, 64), 0);
    EXPECT_EQ(set_size(domid_, 32), -EACCES) << "it has pages";
    EXPECT_EQ(set_size(domid_, 16), -EINVAL);
    std::uint32_t small = 0;
    ASSERT_EQ(create(small), 0);
    EXPECT_EQ(set_size(small, 32), 0);
    ASSERT_EQ(xc_domain_max_vcpus(xch(), small, 1), -1) << "there are two";
    ASSERT_EQ(xc_domain_max_vcpus(xch(), small, 2), 0);
    ASSERT_EQ(xc_domain_setmaxmem(xch(), small, 64), 0);
    std::vector<xen_pfn_t> frames = {0, 1, 2};
    ASSERT_EQ(xc_domain_populate_physmap_exact(xch(), small, 3, 0, 0, frames.data()), 0);
    EXPECT_EQ(set_size(small, 32), 0) << "it is one";
    EXPECT_EQ(set_size(small, 64), -EINVAL);
    unsigned width = 0;
    ASSERT_EQ(xc_domain_get_guest_width(xch(), small, &width), 0);
    EXPECT_EQ(width, 4U);
    EXPECT_EQ(xc_domain_destroy(xch(), small), 0);
}

TEST_F(HypercallsTest, A32BitGuestAsAToolstackSeesIt)
{
    ASSERT_EQ(xc_domain_destroy(xch(), domid_), 0);
    xen_domctl op = {};
    op.cmd = XEN_DOMCTL_set_address_size;
    domid_ = 0;
    ASSERT_EQ(create(domid_), 0);
    op.domain = static_cast<domid_t>(domid_);
    op.u.address_size.size = 32;
    ASSERT_EQ(xc_domctl(xch(), &op), 0);
    ASSERT_EQ(xc_domain_max_vcpus(xch(), domid_, 2), 0);
    ASSERT_EQ(xc_domain_setmaxmem(xch(), domid_, 64), 0);
    mfns_ = {0, 1, 2};
    ASSERT_EQ(xc_domain_populate_physmap_exact(xch(), domid_, 3, 0, 0, mfns_.data()), 0);
    write_entry(mfns_[1], 5, 0, 0);
    write_entry(mfns_[0], 3, mfns_[1], 0x1);
    EXPECT_EQ(pin(mfns_[0], MMUEXT_PIN_L4_TABLE), 0) << "passed over";
    EXPECT_EQ(type_of(mfns_[0]), XEN_DOMCTL_PFINFO_NOTAB);
    vcpu_guest_context_any_t context = {};
    context.x32.ctrlreg[3] = static_cast<std::uint32_t>(mfns_[0] << 12 | mfns_[0] >> 20);
    context.x32.user_regs.cs = 0x61;
    ASSERT_EQ(xc_vcpu_setcontext(xch(), domid_, 0, &context), 0);
    EXPECT_EQ(type_of(mfns_[0]), XEN_DOMCTL_PFINFO_L3TAB);
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_L2TAB);
    vcpu_guest_context_any_t again = {};
    ASSERT_EQ(xc_vcpu_getcontext(xch(), domid_, 0, &again), 0);
    EXPECT_EQ(again.x32.ctrlreg[3], context.x32.ctrlreg[3]);
    EXPECT_EQ(again.x32.flags & VGCF_in_kernel, VGCF_in_kernel + 0U);
    // Xen's slots in the L2 of slot 3 name the compat M2P, the first frame of which every toolstack can ask for.
    auto* l2 = static_cast<std::uint64_t*>(map({mfns_[1]}, PROT_READ));
    ASSERT_NE(l2, nullptr);
    xen_pfn_t first = 0;
    xen_machphys_mfn_list list = {};
    list.max_extents = 1;
    set_xen_guest_handle_raw(list.extent_start, &first);
    ASSERT_EQ(xc_memory_op(xch(), XENMEM_machphys_compat_mfn_list, &list, sizeof list), 0);
    EXPECT_EQ(l2[428] >> 12 & 0xffffffffff, first);
    unmap(l2);
}

TEST_F(HypercallsTest, ADestroyedDomainWaitsForItsMappings)
{
    void* at = map({mfns_[3]}, PROT_READ);
    ASSERT_NE(at, nullptr);
    ASSERT_EQ(xc_domain_destroy(xch(), domid_), 0);
    xc_dominfo_t info = {};
    ASSERT_EQ(xc_domain_getinfo(xch(), domid_, 1, &info), 1);
    EXPECT_TRUE(info.dying);
    EXPECT_EQ(info.nr_pages, 1U);
    ASSERT_EQ(::munmap(at, page_octets), 0);
    (void)xc_domain_getinfo(xch(), domid_, 1, &info);  // which makes the host look
    EXPECT_EQ(xc_domain_getinfo(xch(), domid_, 1, &info), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST_F(HypercallsTest, AForkedChildInheritsNothing)
{
    void* at = map({mfns_[3]});
    ASSERT_NE(at, nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        const bool there = ::msync(at, page_octets, MS_ASYNC) == 0;
        ::_exit(there ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "the mapping is the child's too";
    EXPECT_EQ(pin(mfns_[3]), -EINVAL) << "it is still ours";
    unmap(at);
}

TEST_F(HypercallsTest, GrantTableFramesAreMappedAsAResource)
{
    void* at = nullptr;
    auto* resource = xenforeignmemory_map_resource(
        fmem_, static_cast<domid_t>(domid_), XENMEM_resource_grant_table,
        XENMEM_resource_grant_table_id_shared, 0, 1, &at, PROT_READ | PROT_WRITE, 0);
    ASSERT_NE(resource, nullptr);
    std::memset(at, 1, page_octets);
    EXPECT_EQ(xenforeignmemory_unmap_resource(fmem_, resource), 0);
    std::size_t octets = 0;
    EXPECT_EQ(xenforeignmemory_resource_size(fmem_, static_cast<domid_t>(domid_),
                                             XENMEM_resource_grant_table,
                                             XENMEM_resource_grant_table_id_shared, &octets),
              0);
    EXPECT_EQ(octets, 4 * page_octets);
    at = nullptr;
    EXPECT_EQ(xenforeignmemory_map_resource(
                  fmem_, static_cast<domid_t>(domid_), XENMEM_resource_grant_table,
                  XENMEM_resource_grant_table_id_shared, 4, 1, &at, PROT_READ, 0),
              nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(HypercallsTest, EventChannelsAreAllocatedForTheToolstack)
{
    const int port = xc_evtchn_alloc_unbound(xch(), domid_, 0);
    ASSERT_GT(port, 0);
    xc_evtchn_status_t status = {};
    status.dom = static_cast<domid_t>(domid_);
    status.port = static_cast<evtchn_port_t>(port);
    ASSERT_EQ(xc_evtchn_status(xch(), &status), 0);
    EXPECT_EQ(status.status, static_cast<std::uint32_t>(EVTCHNSTAT_unbound));
    EXPECT_EQ(or_errno(xc_evtchn_alloc_unbound(xch(), 77, 0)), -ESRCH);
}

class StaleTypesTest : public HypercallsTest {
protected:
    StaleTypesTest() : HypercallsTest{{"stale-types"}} {}
};

TEST_F(StaleTypesTest, ADevalidatedTableKeepsItsTypeUntilItIsUsedAsSomethingElse)
{
    write_entry(mfns_[1], 5, mfns_[2], 0x3);  // L1
    write_entry(mfns_[0], 5, mfns_[1], 0x7);  // L2
    ASSERT_EQ(pin(mfns_[0], MMUEXT_PIN_L2_TABLE), 0);
    ASSERT_EQ(pin(mfns_[0], MMUEXT_UNPIN_TABLE), 0);
    EXPECT_EQ(type_of(mfns_[0]), XEN_DOMCTL_PFINFO_L2TAB) << "not pinned, and not validated";
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_L1TAB);
    unmap(map({mfns_[1]}, PROT_READ));
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_L1TAB);
    unmap(map({mfns_[1]}));
    EXPECT_EQ(type_of(mfns_[1]), XEN_DOMCTL_PFINFO_NOTAB) << "writable since";
}

class NoGupTest : public HypercallsTest {
protected:
    NoGupTest() : HypercallsTest{{"no-gup", "latency:any:1"}} {}

    /// Runs what shall not touch this process. @return its result, 0 to 255
    template <typename Run>
    static int in_child(Run run)
    {
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(run());
        }
        int status = -1;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    }
};

TEST_F(NoGupTest, CallsThatNeedThePagesThemselvesFail)
{
    void* at = map({mfns_[0]});  // the filter came with the connection
    ASSERT_NE(at, nullptr);
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    const iovec piece = {at, page_octets};
    EXPECT_EQ(::vmsplice(ends[1], &piece, 1, 0), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(::process_vm_readv(::getpid(), &piece, 1, &piece, 1, 0), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(::write(ends[1], at, page_octets), static_cast<ssize_t>(page_octets));
    EXPECT_EQ(::read(ends[0], at, page_octets), static_cast<ssize_t>(page_octets));
    const std::string file = host_.path() + "/log";
    EXPECT_EQ(::open(file.c_str(), O_RDONLY | O_DIRECT), -1);
    EXPECT_EQ(errno, EINVAL);
    const int plain = ::open(file.c_str(), O_RDONLY);
    ASSERT_GE(plain, 0);
    EXPECT_EQ(::fcntl(plain, F_SETFL, O_DIRECT), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(::fcntl(plain, F_SETFL, O_NONBLOCK), 0);
    int pair[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    EXPECT_EQ(::send(pair[0], at, 16, MSG_ZEROCOPY), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(::send(pair[0], at, 16, 0), 16);
    EXPECT_EQ(in_child([&] { return ::vmsplice(ends[1], &piece, 1, 0) == -1 ? errno : 0; }),
              EFAULT);
    for (const int fd : {ends[0], ends[1], plain, pair[0], pair[1]}) {
        (void)::close(fd);
    }
    unmap(at);
}

}  // namespace
}  // namespace sr::test
