// SPDX-License-Identifier: LGPL-2.1-or-later
// Grants in the page tables of a PV guest, as Xen 4.17 has them: common/grant_table.c, arch/x86/pv/grant_table.c.
#include "tests/fakexen/host/grant_frames.hpp"
#include "tests/fakexen/host/grant_maps.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"
#include "tests/unit/fakexen_support.hpp"

#include <cerrno>

namespace fakexen {
namespace {

using Status = std::int16_t;

constexpr grant_ref_t ref = 9;

class Silent final : public CallObserver {
public:
    void entered(const char*, const char*) override {}
    void left(std::int64_t) noexcept override {}
};

/// `domain` maps what `granter` grants.
class GrantTest : public HypervisorTest {
protected:
    GrantTest()
    {
        vcpu_guest_context_t context = {};
        context.flags = VGCF_in_kernel;
        context.ctrlreg[3] = t.l4.number() << 12;
        EXPECT_EQ(set_context(xen, *domain.vcpu(0), context), 0);
        grant(GTF_permit_access, domain.id);
    }

    grant_entry_v1_t& entry()
    {
        return xen.machine.structure<grant_entry_v1_t>(granter.grants.shared.at(0),
                                                       ref * sizeof(grant_entry_v1_t));
    }
    void grant(unsigned flags, DomainId to)
    {
        entry() = {static_cast<std::uint16_t>(flags), to,
                   static_cast<std::uint32_t>(shared.number())};
    }
    std::uint64_t& slot(unsigned number) { return xen.machine.entries(t.l1)[number]; }
    std::uint64_t address_of_slot(unsigned number) const
    {
        return t.l1.number() << 12 | number * std::uint64_t{8};
    }

    gnttab_map_grant_ref_t map_into(unsigned number, unsigned flags = 0)
    {
        gnttab_map_grant_ref_t request = {};
        request.host_addr = address_of_slot(number);
        request.flags = GNTMAP_host_map | GNTMAP_contains_pte | flags;
        request.ref = ref;
        request.dom = granter.id;
        request.status = map_grant(xen, caller, request);
        return request;
    }
    Status unmap(const gnttab_map_grant_ref_t& mapped)
    {
        gnttab_unmap_grant_ref_t request = {};
        request.host_addr = mapped.host_addr;
        request.handle = mapped.handle;
        return unmap_grant(xen, caller, request);
    }

    Silent silent;
    const Tree t = tree();
    Domain& granter = make_domain();
    const Mfn shared = page(granter);
    const Caller caller{0, domain, domain.vcpu(0), silent};
};

TEST_F(GrantTest, AMappedGrantIsAnEntryWithReferencesOfItsFrame)
{
    const auto mapped = map_into(7);
    ASSERT_EQ(mapped.status, GNTST_okay);
    EXPECT_EQ(mapped.dev_bus_addr, shared.number() << 12);
    EXPECT_EQ(pte::frame_of(slot(7)), shared);
    EXPECT_EQ(slot(7) & pte::flags_mask, pte::present | pte::writable | pte::user | pte::accessed |
                                             pte::dirty | pte::guest_kernel | pte::no_execute);
    EXPECT_EQ(frame(shared).references, 2U);
    EXPECT_EQ(frame(shared).type, FrameType::writable);
    EXPECT_EQ(frame(shared).type_count, 1U);
    EXPECT_EQ(entry().flags, GTF_permit_access | GTF_reading | GTF_writing);
    ASSERT_EQ(unmap(mapped), GNTST_okay);
    EXPECT_EQ(slot(7), 0U);
    EXPECT_EQ(frame(shared).references, 1U);
    EXPECT_EQ(frame(shared).type_count, 0U);
    EXPECT_EQ(entry().flags, GTF_permit_access);
    EXPECT_EQ(unmap(mapped), GNTST_bad_handle);
}

TEST_F(GrantTest, ByVirtualAddressAndReadOnly)
{
    gnttab_map_grant_ref_t request = {};
    request.host_addr =
        std::uint64_t{5} << 39 | std::uint64_t{5} << 30 | 5U << 21 | 7U << 12;  // slot 7 of the L1
    request.flags = GNTMAP_host_map | GNTMAP_readonly;
    request.ref = ref;
    request.dom = granter.id;
    ASSERT_EQ(map_grant(xen, caller, request), GNTST_okay);
    EXPECT_EQ(slot(7) & pte::writable, 0U);
    EXPECT_EQ(frame(shared).type_count, 0U);
    EXPECT_EQ(entry().flags, GTF_permit_access | GTF_reading);
    const auto writable = map_into(8);
    ASSERT_EQ(writable.status, GNTST_okay);
    EXPECT_EQ(writable.handle, request.handle + 1);
    EXPECT_EQ(unmap(writable), GNTST_okay);
    EXPECT_EQ(entry().flags, GTF_permit_access | GTF_reading) << "one reader is left";
    EXPECT_EQ(unmap(request), GNTST_okay);
    EXPECT_EQ(entry().flags, GTF_permit_access);
}

TEST_F(GrantTest, RefusesWhatWasNotGranted)
{
    const auto refused = [&](Status expected, unsigned flags = 0) {
        EXPECT_EQ(map_into(7, flags).status, expected);
        EXPECT_EQ(slot(7), 0U);
        EXPECT_EQ(frame(shared).references, 1U);
        EXPECT_TRUE(granter.grants.active.empty());
    };
    grant(GTF_permit_access, 77);
    refused(GNTST_general_error);
    grant(GTF_invalid, domain.id);
    refused(GNTST_general_error);
    grant(GTF_permit_access | GTF_readonly, domain.id);
    refused(GNTST_general_error);
    EXPECT_EQ(entry().flags, GTF_permit_access | GTF_readonly);
    grant(GTF_permit_access, domain.id);
    entry().frame = static_cast<std::uint32_t>(page().number());  // not the granter's
    refused(GNTST_bad_page);
    EXPECT_EQ(entry().flags, GTF_permit_access);
    gnttab_map_grant_ref_t request = {};
    request.flags = GNTMAP_host_map | GNTMAP_contains_pte;
    request.dom = granter.id;
    request.ref = 512;
    EXPECT_EQ(map_grant(xen, caller, request), GNTST_bad_gntref) << "one frame has 512";
    request.dom = 77;
    EXPECT_EQ(map_grant(xen, caller, request), GNTST_bad_domain);
    request.flags = 0;
    EXPECT_EQ(map_grant(xen, caller, request), GNTST_bad_gntref);
}

TEST_F(GrantTest, NeedsAnEntryOfATableInUse)
{
    auto request = map_into(7);
    ASSERT_EQ(request.status, GNTST_okay);
    request.host_addr = page().number() << 12;
    EXPECT_EQ(map_grant(xen, caller, request), GNTST_general_error) << "not an L1";
    request.host_addr = address_of_slot(8) + 4;
    EXPECT_EQ(map_grant(xen, caller, request), GNTST_general_error) << "misaligned";
    EXPECT_EQ(frame(shared).references, 2U);
    EXPECT_EQ(granter.grants.active.at(ref).nr_writers, 1U);
    request.host_addr = address_of_slot(8);
    EXPECT_EQ(unmap(request), GNTST_general_error) << "not there";
    request.host_addr = address_of_slot(7);
    EXPECT_EQ(unmap(request), GNTST_okay);
}

TEST_F(GrantTest, ATableWithAForeignFrameCannotBeValidatedAnew)
{
    const Mfn other = page();
    set(t.l2, 6, other);
    ASSERT_EQ(xen.types.update_entry(t.l2, 7, pte::make(other, pte::present), KeepBits::none,
                                     domain, domain),
              0);
    gnttab_map_grant_ref_t request = {};
    request.host_addr = other.number() << 12;
    request.flags = GNTMAP_host_map | GNTMAP_contains_pte;
    request.ref = ref;
    request.dom = granter.id;
    ASSERT_EQ(map_grant(xen, caller, request), GNTST_okay);
    EXPECT_EQ(xen.machine.m2p(shared),
              xen.machine.m2p(pte::frame_of(xen.machine.entries(other)[0])))
        << "the M2P has the granter's pfn";
    xen.machine.entries(t.l2)[6] = 0;
    ASSERT_EQ(xen.types.update_entry(t.l2, 7, 0, KeepBits::none, domain, domain), 0);
    EXPECT_EQ(frame(shared).references, 1U) << "the entry's reference went with the table";
    EXPECT_EQ(xen.types.pin(other, FrameType::l1_table, domain), -EBUSY);
}

TEST_F(GrantTest, DeathOfEitherSideIsClean)
{
    const DomainId granter_id = granter.id;
    const DomainId mapper_id = domain.id;
    ASSERT_EQ(map_into(7).status, GNTST_okay);
    xen.destroy_domain(granter);
    xen.collect_dead();
    ASSERT_NE(xen.domain(granter_id), nullptr) << "a page of it is still mapped";
    EXPECT_EQ(granter.nr_pages, 1U);
    EXPECT_EQ(map_into(8).status, GNTST_general_error);
    xen.destroy_domain(domain);
    xen.collect_dead();
    EXPECT_EQ(xen.domain(granter_id), nullptr);
    EXPECT_EQ(xen.domain(mapper_id), nullptr);
    EXPECT_EQ(xen.machine.nr_free(), xen.machine.nr_frames() - xen.dom0().nr_xen_heap_pages);
}

TEST_F(GrantTest, AMappersDeathFreesTheGrant)
{
    ASSERT_EQ(map_into(7).status, GNTST_okay);
    xen.destroy_domain(domain);
    EXPECT_TRUE(granter.grants.active.empty());
    EXPECT_EQ(entry().flags, GTF_permit_access);
    EXPECT_EQ(frame(shared).references, 1U);
}

/// Dom0 maps the grant into a process, as gntdev does. It need not exist: nobody looks while nothing is in the way.
class ProcessGrantTest : public GrantTest {
protected:
    static constexpr pid_t process = 1 << 30;
    static constexpr std::uint64_t window = 0x7000'0000;

    ProcessGrantTest() { grant(GTF_permit_access, 0); }

    std::int64_t map(bool writable, std::uint64_t page = 0, MappedGrant wanted = {})
    {
        wanted.granter = granter.id;
        wanted.ref = ref;
        return map_grant_into_process(xen, xen.dom0(),
                                      {.process = process,
                                       .address = window + page * page_size,
                                       .writable = writable,
                                       .grant = wanted});
    }
};

TEST_F(ProcessGrantTest, IsAUseAndAForeignMapping)
{
    EXPECT_EQ(map(true), static_cast<std::int64_t>(xen.machine.file_offset(shared)));
    EXPECT_EQ(map(false, 1), static_cast<std::int64_t>(xen.machine.file_offset(shared)));
    EXPECT_EQ(frame(shared).references, 3U);
    EXPECT_EQ(frame(shared).type_count, 1U);
    EXPECT_EQ(entry().flags, GTF_permit_access | GTF_reading | GTF_writing);
    xen.maps.unmap(process, window, 1);
    EXPECT_EQ(entry().flags, GTF_permit_access | GTF_reading);
    EXPECT_EQ(xen.maps.release_process(process), 1U);
    EXPECT_EQ(entry().flags, GTF_permit_access);
    EXPECT_EQ(frame(shared).references, 1U);
    EXPECT_TRUE(granter.grants.active.empty());
}

TEST_F(ProcessGrantTest, WhatCannotBeMappedIsNotInUse)
{
    entry().frame = static_cast<std::uint32_t>(page().number());  // not the granter's
    EXPECT_EQ(map(true), -EINVAL);
    EXPECT_EQ(entry().flags, GTF_permit_access);
    EXPECT_TRUE(granter.grants.active.empty());
    grant(GTF_permit_access, domain.id);
    EXPECT_EQ(map(false), -EINVAL) << "granted to another";
    EXPECT_TRUE(xen.maps.all().empty());
}

TEST_F(ProcessGrantTest, AWritersEndIsAChangeOfThePage)
{
    granter.dirty.enable();
    ASSERT_GE(map(false), 0);
    xen.maps.unmap(process, window, 1);
    EXPECT_EQ(granter.dirty.nr_dirty(), 0U);
    ASSERT_GE(map(true), 0);
    xen.maps.unmap(process, window, 1);
    EXPECT_EQ(granter.dirty.nr_dirty(), 1U);
}

TEST_F(ProcessGrantTest, SaysGoodbyeInThePage)
{
    xen.machine.contents(shared)[8] = std::byte{1};
    ASSERT_GE(map(true, 0, {.notify_offset = 8}), 0);
    EXPECT_EQ(xen.machine.contents(shared)[8], std::byte{1});
    (void)xen.maps.release_process(process);
    EXPECT_EQ(xen.machine.contents(shared)[8], std::byte{0});
}

TEST_F(ProcessGrantTest, KeepsNoVersionOnceItsProcessIsGone)
{
    ASSERT_GE(map(true), 0);
    EXPECT_EQ(set_grant_version(xen, granter, 2), 0);
    EXPECT_TRUE(granter.grants.active.empty());
}

TEST_F(ProcessGrantTest, KeepsNoGranterOnceItsProcessIsGone)
{
    const DomainId id = granter.id;
    ASSERT_GE(map(true), 0);
    xen.destroy_domain(granter);
    EXPECT_EQ(frame(shared).owner, nullptr);
    xen.collect_dead();
    EXPECT_EQ(xen.domain(id), nullptr);
}

/// The granter's table is of version 2.
class GrantV2Test : public GrantTest {
protected:
    GrantV2Test()
    {
        EXPECT_EQ(set_grant_version(xen, granter, 2), 0);
        grant_page(GTF_permit_access, domain.id);
    }

    grant_entry_v2_t& entry()
    {
        return xen.machine.structure<grant_entry_v2_t>(granter.grants.shared.at(0),
                                                       ref * sizeof(grant_entry_v2_t));
    }
    grant_status_t& status()
    {
        return xen.machine.structure<grant_status_t>(granter.grants.status->at(0),
                                                     ref * sizeof(grant_status_t));
    }
    void grant_page(unsigned flags, DomainId to)
    {
        entry().full_page = {
            .hdr = {static_cast<std::uint16_t>(flags), to}, .pad0 = 0, .frame = shared.number()};
    }
    void expect_refused(const gnttab_map_grant_ref_t& request, Status expected)
    {
        EXPECT_EQ(request.status, expected);
        EXPECT_EQ(status(), 0U);
        EXPECT_EQ(frame(shared).references, 1U);
        EXPECT_TRUE(granter.grants.active.empty());
    }
};

TEST_F(GrantV2Test, UseIsInTheStatusFrameAndNotInTheFlags)
{
    const auto reader = map_into(7, GNTMAP_readonly);
    ASSERT_EQ(reader.status, GNTST_okay);
    EXPECT_EQ(status(), GTF_reading);
    const auto writer = map_into(8);
    ASSERT_EQ(writer.status, GNTST_okay);
    EXPECT_EQ(pte::frame_of(slot(8)), shared);
    EXPECT_EQ(status(), GTF_reading | GTF_writing);
    EXPECT_EQ(entry().hdr.flags, GTF_permit_access);
    ASSERT_EQ(unmap(writer), GNTST_okay);
    EXPECT_EQ(status(), GTF_reading);
    ASSERT_EQ(unmap(reader), GNTST_okay);
    EXPECT_EQ(status(), 0U);
    EXPECT_EQ(entry().hdr.flags, GTF_permit_access);
}

TEST_F(GrantV2Test, OnlyWholePagesThatTheGranterOwnsAreMapped)
{
    grant_page(GTF_permit_access | GTF_sub_page, domain.id);
    expect_refused(map_into(7, GNTMAP_readonly), GNTST_general_error);
    entry().transitive = {
        .hdr = {GTF_transitive, domain.id}, .trans_domid = 0, .pad0 = 0, .gref = ref};
    expect_refused(map_into(7, GNTMAP_readonly), GNTST_general_error);
    grant_page(GTF_permit_access, 77);
    expect_refused(map_into(7), GNTST_general_error);
    grant_page(GTF_permit_access | GTF_readonly, domain.id);
    expect_refused(map_into(7), GNTST_general_error);
    grant_page(GTF_permit_access, domain.id);
    entry().full_page.frame |= std::uint64_t{1} << 32;  // a frame number of version 2 has 64 bits
    expect_refused(map_into(7), GNTST_bad_page);
    auto request = map_into(7);
    request.ref = 256;
    EXPECT_EQ(map_grant(xen, caller, request), GNTST_bad_gntref) << "one frame has 256";
}

TEST_F(GrantV2Test, AMappedGrantKeepsTheVersion)
{
    const auto mapped = map_into(7);
    ASSERT_EQ(mapped.status, GNTST_okay);
    EXPECT_EQ(set_grant_version(xen, granter, 1), -EBUSY);
    ASSERT_EQ(unmap(mapped), GNTST_okay);
    EXPECT_EQ(set_grant_version(xen, granter, 1), 0);
}

// The console's, say: what says that it is in use moves with it.
TEST_F(GrantV2Test, AReservedEntryStaysMappedThroughASwitch)
{
    entry().hdr.flags = GTF_invalid;
    ASSERT_EQ(set_grant_version(xen, granter, 1), 0);
    auto& console = xen.machine.structure<grant_entry_v1_t>(granter.grants.shared.at(0));
    console = {GTF_permit_access, domain.id, static_cast<std::uint32_t>(shared.number())};
    gnttab_map_grant_ref_t request = {};
    request.host_addr = address_of_slot(7);
    request.flags = GNTMAP_host_map | GNTMAP_contains_pte;
    request.dom = granter.id;
    ASSERT_EQ(map_grant(xen, caller, request), GNTST_okay);
    ASSERT_EQ(set_grant_version(xen, granter, 2), 0);
    const auto& status_of_it = xen.machine.structure<grant_status_t>(granter.grants.status->at(0));
    EXPECT_EQ(status_of_it, GTF_reading | GTF_writing);
    ASSERT_EQ(unmap(request), GNTST_okay);
    EXPECT_EQ(status_of_it, 0U);
}

TEST_F(GrantV2Test, DeathOfTheMapperFreesTheGrant)
{
    ASSERT_EQ(map_into(7).status, GNTST_okay);
    xen.destroy_domain(domain);
    EXPECT_TRUE(granter.grants.active.empty());
    EXPECT_EQ(status(), 0U);
}

}  // namespace
}  // namespace fakexen
