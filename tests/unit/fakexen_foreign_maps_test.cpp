// SPDX-License-Identifier: LGPL-2.1-or-later
// Foreign mappings: the references they hold, and mappings that went away unseen.
#include "tests/unit/fakexen_support.hpp"

#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

namespace fakexen {
namespace {

class ForeignMapsTest : public HypervisorTest {
protected:
    /// Maps one frame as a client process would: this process, where /proc/self/maps shows it or not.
    std::int64_t map(Mfn mfn, bool writable, void* at)
    {
        std::int64_t offset = 0;
        xen.maps.map({.process = ::getpid(),
                      .address = reinterpret_cast<std::uint64_t>(at),
                      .domid = domain.id,
                      .writable = writable,
                      .frames = {mfn.number()}},
                     &domain, std::span{&offset, 1});
        return offset;
    }

    void* reserve()
    {
        return ::mmap(nullptr, page_size, PROT_NONE, MAP_SHARED, xen.machine.memory_fd(), 0);
    }
};

TEST_F(ForeignMapsTest, AWritableMappingKeepsAPageFromBeingATable)
{
    const Tree t = tree();
    void* at = reserve();
    ASSERT_GE(map(t.l1, true, at), 0);
    EXPECT_EQ(frame(t.l1).type_count, 1U);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), -EINVAL);
    xen.maps.unmap(::getpid(), reinterpret_cast<std::uint64_t>(at), 1);
    (void)::munmap(at, page_size);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
}

TEST_F(ForeignMapsTest, AReadOnlyMappingDoesNot)
{
    const Tree t = tree();
    void* at = reserve();
    ASSERT_GE(map(t.l1, false, at), 0);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_EQ(frame(t.l1).references, 3U);
    (void)::munmap(at, page_size);
}

TEST_F(ForeignMapsTest, PlainMunmapIsFoundOutOnAConflict)
{
    const Tree t = tree();
    void* at = reserve();
    ASSERT_GE(map(t.l1, true, at), 0);
    (void)::munmap(at, page_size);  // nobody told the host
    EXPECT_EQ(xen.maps.all().size(), 1U);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_TRUE(xen.maps.all().empty());
}

TEST_F(ForeignMapsTest, NoWritableMappingOfATable)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    void* at = reserve();
    EXPECT_EQ(map(t.l1, true, at), -EBUSY);
    EXPECT_GE(map(t.l1, false, at), 0);
    (void)::munmap(at, page_size);
}

TEST_F(ForeignMapsTest, ErrnosOfAPvDom0)
{
    Domain& stranger = make_domain();
    EXPECT_EQ(map(page(stranger), false, nullptr), -EBUSY);
    EXPECT_EQ(map(Mfn{xen.machine.max_mfn() + 1}, false, nullptr), -EPERM);
    EXPECT_EQ(map(Mfn{~std::uint64_t{0}}, false, nullptr), -EINVAL);
    EXPECT_EQ(map(Mfn{xen.machine.m2p_first_mfn()}, false, nullptr), -EBUSY) << "DOMID_XEN's";
    EXPECT_TRUE(xen.maps.all().empty()) << "nothing is held for frames that could not be mapped";
}

TEST_F(ForeignMapsTest, ANewMappingReplacesWhatWasThere)
{
    const Mfn first = page();
    const Mfn second = page();
    void* at = reserve();
    ASSERT_GE(map(first, true, at), 0);
    ASSERT_GE(map(second, true, at), 0);
    EXPECT_EQ(frame(first).references, 1U);
    EXPECT_EQ(frame(second).references, 2U);
    EXPECT_EQ(xen.maps.release_process(::getpid()), 1U);
    EXPECT_EQ(frame(second).references, 1U);
    (void)::munmap(at, page_size);
}

TEST_F(ForeignMapsTest, ADyingDomainWaitsForItsMappings)
{
    const Mfn mfn = page();
    void* at = reserve();
    ASSERT_GE(map(mfn, false, at), 0);
    const DomainId id = domain.id;
    xen.destroy_domain(domain);
    xen.collect_dead();
    ASSERT_NE(xen.domain(id), nullptr);
    EXPECT_EQ(xen.domain(id)->nr_pages, 1U);
    (void)::munmap(at, page_size);
    (void)xen.maps.reclaim_stale();
    xen.collect_dead();
    EXPECT_EQ(xen.domain(id), nullptr);
}

}  // namespace
}  // namespace fakexen
