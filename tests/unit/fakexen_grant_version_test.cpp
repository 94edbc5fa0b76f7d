// SPDX-License-Identifier: LGPL-2.1-or-later
// Grant tables of both versions: growing, switching, status frames that are there only when they are needed. What Xen 4.17 does
// in common/grant_table.c.
#include "tests/unit/fakexen_grant_support.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>

namespace fakexen {
namespace {

class EagerGrantVersionTest : public GrantVersionTest {
protected:
    EagerGrantVersionTest() : GrantVersionTest{true} {}
};

TEST_F(GrantVersionTest, ANewDomainHasOneFrameAndNothingForStatus)
{
    EXPECT_EQ(table().version(), 1U);
    EXPECT_EQ(table().shared.size(), 1U);
    EXPECT_EQ(table().nr_entries(), 512U);
    EXPECT_FALSE(table().status.has_value());
    EXPECT_EQ(xen.dom0().grants.shared.size(), 1U);
    EXPECT_EQ(acquire(shared_id, 0, 20), 0);
    EXPECT_EQ(grow_to(20), GNTST_okay);
    EXPECT_FALSE(table().status.has_value()) << "nor has one that grew";
    EXPECT_EQ(xen.status_frames_peak(), 0U);
}

TEST_F(GrantVersionTest, SwitchesThereAndBack)
{
    EXPECT_EQ(set_version(2), (SetVersion{0, 2}));
    EXPECT_EQ(table().nr_entries(), 256U);
    EXPECT_EQ(table().nr_status_frames(), 1U);
    EXPECT_EQ(xen.nr_status_frames(), 1U);
    EXPECT_EQ(set_version(2), (SetVersion{0, 2})) << "to what it is";
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
    EXPECT_FALSE(table().status.has_value());
    EXPECT_EQ(xen.nr_status_frames(), 0U);
    EXPECT_EQ(xen.status_frames_peak(), 1U);
    EXPECT_EQ(xen.machine.nr_free(), free_before);
}

TEST_F(GrantVersionTest, RefusesVersionsThatAreNoneOrNotAllowed)
{
    EXPECT_EQ(set_version(0), (SetVersion{-EINVAL, 1}));
    EXPECT_EQ(set_version(3), (SetVersion{-EINVAL, 1}));
    table().limits.max_version = 1;
    EXPECT_EQ(set_version(2), (SetVersion{-ENOSYS, 1}));
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
    EXPECT_EQ(xen.status_frames_peak(), 0U);
}

TEST_F(GrantVersionTest, GetVersionIsForTheDomainItselfAndDom0)
{
    ASSERT_EQ(set_version(2).result, 0);
    Domain& other = make_domain();
    gnttab_get_version_t request = {.dom = domain.id, .pad = 0, .version = 0};
    EXPECT_EQ(grant_op(xen.dom0(), GNTTABOP_get_version, request), 0);
    EXPECT_EQ(request.version, 2U);
    EXPECT_EQ(grant_op(other, GNTTABOP_get_version, request), -EPERM);
    request.dom = DOMID_SELF;
    EXPECT_EQ(grant_op(other, GNTTABOP_get_version, request), 0);
    EXPECT_EQ(request.version, 1U);
    request.dom = 77;
    EXPECT_EQ(grant_op(xen.dom0(), GNTTABOP_get_version, request), -ESRCH);
}

TEST_F(GrantVersionTest, KeepsOnlyTheReservedEntries)
{
    constexpr grant_ref_t last = GNTTAB_NR_RESERVED_ENTRIES - 1;
    entry<grant_entry_v1_t>(last) = {GTF_permit_access | GTF_reading | GTF_writing, 3, 0xabcd};
    entry<grant_entry_v1_t>(0) = {GTF_accept_transfer, 3, 0xabcd};
    ASSERT_EQ(set_version(2).result, 0);
    const auto kept = entry<grant_entry_v2_t>(last).full_page;
    EXPECT_EQ(kept.hdr.flags, GTF_permit_access);
    EXPECT_EQ(kept.hdr.domid, 3U);
    EXPECT_EQ(kept.frame, 0xabcdU);
    EXPECT_EQ(status(last), GTF_reading | GTF_writing);
    EXPECT_EQ(entry<grant_entry_v2_t>(0).hdr.flags, GTF_accept_transfer);
    ASSERT_EQ(set_version(1).result, 0);
    const auto back = entry<grant_entry_v1_t>(last);
    EXPECT_EQ(back.flags, GTF_permit_access | GTF_reading | GTF_writing);
    EXPECT_EQ(back.domid, 3U);
    EXPECT_EQ(back.frame, 0xabcdU);
    EXPECT_EQ(entry<grant_entry_v1_t>(0).flags, 0U) << "what permits no access is dropped";
}

// An entry of one version lies where two halves or a pair of the other do.
TEST_F(GrantVersionTest, ClearsAllOfEveryFrameBehindTheReservedEntries)
{
    ASSERT_EQ(grow_to(2), GNTST_okay);
    const auto fill = [&] {
        for (const Mfn mfn : table().shared) {
            const auto octets = xen.machine.contents(mfn);
            const std::size_t kept = mfn == table().shared[0] ? 128 : 0;  // of version 2
            std::fill(octets.begin() + static_cast<std::ptrdiff_t>(kept), octets.end(),
                      std::byte{0xa5});
        }
    };
    for (const std::uint32_t version : {2U, 1U}) {
        SCOPED_TRACE(version);
        fill();
        ASSERT_EQ(set_version(version).result, 0);
        for (const Mfn mfn : table().shared) {
            const auto octets = xen.machine.contents(mfn);
            EXPECT_EQ(std::count(octets.begin(), octets.end(), std::byte{0}),
                      static_cast<std::ptrdiff_t>(page_size));
        }
    }
}

TEST_F(GrantVersionTest, CannotGoBackWithWhatVersion1CannotTell)
{
    ASSERT_EQ(set_version(2).result, 0);
    entry<grant_entry_v2_t>(1).hdr.flags = GTF_transitive;
    EXPECT_EQ(set_version(1), (SetVersion{-ERANGE, 2}));
    entry<grant_entry_v2_t>(1).full_page = {
        .hdr = {GTF_permit_access, 0}, .pad0 = 0, .frame = std::uint64_t{1} << 32};
    EXPECT_EQ(set_version(1), (SetVersion{-ERANGE, 2}));
    EXPECT_EQ(table().nr_status_frames(), 1U);
    EXPECT_EQ(entry<grant_entry_v2_t>(1).full_page.frame, std::uint64_t{1} << 32);
    entry<grant_entry_v2_t>(1).hdr.flags = GTF_invalid;
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
}

TEST_F(GrantVersionTest, CannotSwitchWhileOthersMapWhatIsNotReserved)
{
    table().active[GNTTAB_NR_RESERVED_ENTRIES - 1] = {.mapper = 0, .nr_readers = 1};
    EXPECT_EQ(set_version(2), (SetVersion{0, 2})) << "console and xenstore stay mapped";
    table().active[GNTTAB_NR_RESERVED_ENTRIES] = {.mapper = 0, .nr_readers = 1};
    EXPECT_EQ(set_version(1), (SetVersion{-EBUSY, 2}));
    table().active.erase(GNTTAB_NR_RESERVED_ENTRIES);
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
    table().active[GNTTAB_NR_RESERVED_ENTRIES] = {.mapper = 0, .nr_readers = 1};
    EXPECT_EQ(set_version(2), (SetVersion{-EBUSY, 1}));
    EXPECT_FALSE(table().status.has_value());
    table().active.clear();
}

TEST_F(GrantVersionTest, StatusFramesThatSomebodyHasMappedStay)
{
    ASSERT_EQ(set_version(2).result, 0);
    ASSERT_EQ(grow_to(9), GNTST_okay);
    entry<grant_entry_v2_t>(9).full_page = {.hdr = {GTF_permit_access, 0}, .pad0 = 0, .frame = 7};
    const std::vector<Mfn> frames = *table().status;
    ASSERT_EQ(acquire(status_id, 1, 1), 0);
    EXPECT_EQ(set_version(1), (SetVersion{-EBUSY, 2}));
    EXPECT_EQ(*table().status, frames);
    EXPECT_EQ(entry<grant_entry_v2_t>(9).full_page.frame, 7U) << "nothing was cleared";
    EXPECT_EQ(frame(frames[0]).references, 1U);
    EXPECT_TRUE(frame(frames[0]).allocated);
    let_go(1);
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
    EXPECT_EQ(frame(frames[0]).owner, nullptr);
    EXPECT_EQ(frame(frames[1]).owner, nullptr);
}

TEST_F(GrantVersionTest, AMappingThatIsGoneUnseenHoldsNothing)
{
    ASSERT_EQ(set_version(2).result, 0);
    ASSERT_EQ(acquire(status_id, 0, 1), 0);
    ASSERT_EQ(::munmap(mapped, page_size), 0);
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
}

// One array and three status frames for 17 to 24 shared frames.
TEST_F(GrantVersionTest, UndoesASwitchWhichOfItsAllocationsEverFails)
{
    ASSERT_EQ(grow_to(17), GNTST_okay);
    entry<grant_entry_v1_t>(9) = {GTF_permit_access, 3, 0xabcd};
    const std::uint64_t free = xen.machine.nr_free();
    for (std::uint64_t nth = 1; nth <= 4; ++nth) {
        SCOPED_TRACE(nth);
        observer.reset(nth);
        EXPECT_EQ(set_version(2), (SetVersion{-ENOMEM, 1}));
        EXPECT_EQ(observer.nr, nth) << "nothing is tried after it";
        EXPECT_FALSE(table().status.has_value());
        EXPECT_EQ(xen.nr_status_frames(), 0U);
        EXPECT_EQ(xen.machine.nr_free(), free);
        EXPECT_EQ(entry<grant_entry_v1_t>(9).frame, 0xabcdU) << "nothing was cleared";
        EXPECT_EQ(table().nr_entries(), 17 * 512U);
    }
    observer.reset(5);
    EXPECT_EQ(set_version(2), (SetVersion{0, 2}));
    EXPECT_EQ(observer.counts,
              (std::map<std::string, int>{{"alloc_status_array", 1}, {"alloc_status_frame", 3}}));
    EXPECT_EQ(table().nr_status_frames(), 3U);
}

TEST_F(GrantVersionTest, UndoesGrowthWhichOfItsAllocationsEverFails)
{
    ASSERT_EQ(set_version(2).result, 0);
    ASSERT_EQ(grow_to(7), GNTST_okay);
    const std::uint64_t free = xen.machine.nr_free();
    for (std::uint64_t nth = 1; nth <= 4; ++nth) {
        SCOPED_TRACE(nth);
        observer.reset(nth);
        EXPECT_EQ(grow_to(10), GNTST_general_error);
        EXPECT_EQ(observer.nr, nth);
        EXPECT_EQ(table().shared.size(), 7U);
        EXPECT_EQ(table().nr_status_frames(), 1U);
        EXPECT_EQ(xen.machine.nr_free(), free);
    }
    observer.reset();
    EXPECT_EQ(grow_to(10), GNTST_okay);
    EXPECT_EQ(observer.counts,
              (std::map<std::string, int>{{"alloc_shared_frame", 3}, {"alloc_status_frame", 1}}));
    EXPECT_EQ(table().nr_status_frames(), 2U);
}

TEST_F(GrantVersionTest, UndoesASwitchWhenTheMachineIsFull)
{
    ASSERT_EQ(grow_to(9), GNTST_okay);
    std::vector<Mfn> taken;
    while (xen.machine.nr_free() > 1) {
        taken.push_back(*xen.machine.take_free());
    }
    EXPECT_EQ(set_version(2), (SetVersion{-ENOMEM, 1}));
    EXPECT_EQ(xen.machine.nr_free(), 1U);
    xen.machine.give_back(taken.back());
    EXPECT_EQ(set_version(2), (SetVersion{0, 2}));
}

TEST_F(GrantVersionTest, TheTableGrowsWithSetup)
{
    std::vector<std::uint64_t> frames;
    EXPECT_EQ(setup(3, frames), GNTST_okay);
    EXPECT_EQ(frames[2], table().shared.at(2).number());
    EXPECT_EQ(setup(2, frames), GNTST_okay);
    EXPECT_EQ(table().shared.size(), 3U) << "it never shrinks";
    EXPECT_EQ(setup(21, frames), GNTST_general_error) << "20 is the limit";
    EXPECT_EQ(table().shared.size(), 3U);
    gnttab_query_size_t size = {};
    size.dom = domain.id;
    EXPECT_EQ(grant_op(xen.dom0(), GNTTABOP_query_size, size), 0);
    EXPECT_EQ(size.status, GNTST_okay);
    EXPECT_EQ(size.nr_frames, 3U);
    EXPECT_EQ(size.max_nr_frames, 20U);
    EXPECT_EQ(grant_op(make_domain(), GNTTABOP_query_size, size), 0);
    EXPECT_EQ(size.status, GNTST_permission_denied);
    EXPECT_EQ(grant_op(xen.dom0(), GNTTABOP_query_size, size, 2), -EINVAL) << "one at a time";
}

TEST_F(GrantVersionTest, TellsStatusFramesAndNeverGrowsForThem)
{
    std::vector<std::uint64_t> frames;
    EXPECT_EQ(status_frames(domain, DOMID_SELF, 1, frames), GNTST_general_error) << "version 1";
    EXPECT_EQ(status_frames(domain, DOMID_SELF, 0, frames), GNTST_okay);
    ASSERT_EQ(grow_to(9), GNTST_okay);
    ASSERT_EQ(set_version(2).result, 0);
    EXPECT_EQ(status_frames(domain, DOMID_SELF, 2, frames), GNTST_okay);
    EXPECT_EQ(frames[1], table().status->at(1).number());
    EXPECT_EQ(status_frames(xen.dom0(), domain.id, 3, frames), GNTST_general_error);
    EXPECT_EQ(table().nr_status_frames(), 2U);
    EXPECT_EQ(status_frames(xen.dom0(), domain.id, 1, frames), GNTST_okay);
    EXPECT_EQ(status_frames(xen.dom0(), 77, 1, frames), GNTST_bad_domain);
    EXPECT_EQ(status_frames(make_domain(), domain.id, 1, frames), GNTST_permission_denied);
    EXPECT_EQ(observer.calls.back(), "get_status_frames");
}

TEST_F(GrantVersionTest, AListThatCannotBeWrittenIsABadAddress)
{
    gnttab_setup_table_t request = {};
    request.dom = DOMID_SELF;
    request.nr_frames = 1;
    const Caller nobody{1 << 30, domain, nullptr, observer};
    EXPECT_EQ(serve_hypercall(xen, nobody, __HYPERVISOR_grant_table_op,
                              {GNTTABOP_setup_table, address(&request), 1}),
              -EFAULT);
}

TEST_F(EagerGrantVersionTest, TheArrayComesWithTheDomainAndStays)
{
    EXPECT_TRUE(table().status.has_value());
    EXPECT_EQ(table().nr_status_frames(), 0U);
    observer.reset();
    EXPECT_EQ(set_version(2), (SetVersion{0, 2}));
    EXPECT_EQ(observer.counts, (std::map<std::string, int>{{"alloc_status_frame", 1}}));
    EXPECT_EQ(set_version(1), (SetVersion{0, 1}));
    EXPECT_TRUE(table().status.has_value());
    EXPECT_EQ(table().nr_status_frames(), 0U);
    observer.reset(1);
    EXPECT_EQ(set_version(2), (SetVersion{-ENOMEM, 1}));
    EXPECT_TRUE(table().status.has_value());
    EXPECT_EQ(xen.machine.nr_free(), free_before);
}

TEST_F(EagerGrantVersionTest, ADomainWithoutRoomForItsArrayIsNotMade)
{
    const std::uint64_t free = xen.machine.nr_free();
    xen.may_allocate = [](const char* what) { return what != std::string{"alloc_status_array"}; };
    xen_domctl_createdomain wanted = {};
    wanted.max_vcpus = 1;
    wanted.max_grant_frames = 1;
    wanted.grant_opts = XEN_DOMCTL_GRANT_version(1);
    EXPECT_EQ(xen.create_domain(0, wanted), -ENOMEM);
    EXPECT_EQ(xen.machine.nr_free(), free);
}

}  // namespace
}  // namespace fakexen
