// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of grant tables as dom0 gets them: XENMEM_acquire_resource of Xen 4.17.
#include "tests/unit/fakexen_grant_support.hpp"

#include <cerrno>

namespace fakexen {
namespace {

using GrantAcquireTest = GrantVersionTest;

TEST_F(GrantAcquireTest, AcquiresSharedFramesAndGrowsForThem)
{
    EXPECT_EQ(acquire(shared_id, 0, 0), 20) << "its size is the limit, however large it is now";
    EXPECT_EQ(acquire(shared_id, 1, 2), 0);
    EXPECT_EQ(table().shared.size(), 3U);
    EXPECT_EQ(offsets[1], static_cast<std::int64_t>(xen.machine.file_offset(table().shared[2])));
    EXPECT_EQ(acquire(shared_id, 20, 1), -EINVAL);
    EXPECT_EQ(acquire(shared_id, ~std::uint64_t{0}, 2), -EINVAL);
    EXPECT_EQ(acquire(shared_id, std::uint64_t{1} << 32, 1), -EINVAL);
    EXPECT_EQ(table().shared.size(), 3U);
    EXPECT_EQ(acquire(7, 0, 1), -EINVAL) << "no such id";
    EXPECT_EQ(acquire(7, 0, 0), -EINVAL);
    EXPECT_EQ(acquire(shared_id, 0, 1, xen.dom0()), -EPERM) << "the caller's own";
}

TEST_F(GrantAcquireTest, AcquiresPieceByPieceAndKeepsWhatHasGrown)
{
    table().limits.max_frames = 40;
    EXPECT_EQ(acquire(shared_id, 0, 41), -EINVAL);
    EXPECT_EQ(table().shared.size(), 32U);
    EXPECT_EQ(acquire(shared_id, 0, 40), 0);
    EXPECT_EQ(table().shared.size(), 40U);
}

TEST_F(GrantAcquireTest, AcquiresStatusFramesOfVersion2Only)
{
    EXPECT_EQ(acquire(status_id, 0, 0), 3) << "the size is that of the limit, in version 1 too";
    EXPECT_EQ(acquire(status_id, 0, 1), -EINVAL);
    EXPECT_FALSE(table().status.has_value());
    EXPECT_EQ(xen.status_frames_peak(), 0U);
    ASSERT_EQ(set_version(2).result, 0);
    EXPECT_EQ(acquire(status_id, 0, 1), 0);
    EXPECT_EQ(table().shared.size(), 1U);
    EXPECT_EQ(acquire(status_id, 1, 1), 0) << "the second frame is that of 16 shared ones";
    EXPECT_EQ(table().shared.size(), 16U);
    EXPECT_EQ(table().nr_status_frames(), 2U);
    EXPECT_EQ(offsets[0],
              static_cast<std::int64_t>(xen.machine.file_offset(table().status->at(1))));
    EXPECT_EQ(acquire(status_id, 2, 1), -EINVAL) << "24 shared frames are more than there may be";
    ASSERT_EQ(grow_to(20), GNTST_okay);
    EXPECT_EQ(acquire(status_id, 2, 1), 0) << "it is there by now";
    EXPECT_EQ(acquire(status_id, 3, 1), -EINVAL);
}

TEST_F(GrantAcquireTest, AnAcquisitionThatFindsNoMemoryLeavesTheTable)
{
    ASSERT_EQ(set_version(2).result, 0);
    observer.reset(16);  // 15 shared frames, then the status frame
    EXPECT_EQ(acquire(status_id, 1, 1), -EINVAL) << "Xen says no more than that";
    EXPECT_EQ(table().shared.size(), 1U);
    EXPECT_EQ(table().nr_status_frames(), 1U);
}

TEST_F(GrantAcquireTest, ADestroyedDomainLeavesNothing)
{
    ASSERT_EQ(grow_to(9), GNTST_okay);
    ASSERT_EQ(set_version(2).result, 0);
    ASSERT_EQ(acquire(status_id, 0, 1), 0);
    const DomainId id = domain.id;
    xen.destroy_domain(domain);
    xen.collect_dead();
    ASSERT_NE(xen.domain(id), nullptr) << "a status frame is still mapped";
    EXPECT_EQ(xen.nr_status_frames(), 1U);
    EXPECT_EQ(acquire(status_id, 0, 1), -EINVAL);
    EXPECT_EQ(acquire(shared_id, 15, 1), -EINVAL) << "a dying table does not grow";
    let_go(1);
    xen.collect_dead();
    EXPECT_EQ(xen.domain(id), nullptr);
    EXPECT_EQ(xen.nr_status_frames(), 0U);
    EXPECT_EQ(xen.status_frames_peak(), 2U);
    EXPECT_EQ(xen.machine.nr_free(), xen.machine.nr_frames() - xen.dom0().nr_xen_heap_pages);
}

}  // namespace
}  // namespace fakexen
