// SPDX-License-Identifier: LGPL-2.1-or-later
// Grants seen from dom0: the fake libxengnttab, acquired frames of grant tables, and Xen's own test of both.
#include "tests/support/fakehost.hpp"
#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

extern "C" {
#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
}

namespace sr::test {
namespace {

constexpr std::uint64_t page_octets = 4096;
constexpr std::uint64_t nr_pages = 4;
constexpr std::uint32_t the_ref = 9;  // not one of those that are the toolstack's

struct CloseXc {
    void operator()(xc_interface* xch) const noexcept { (void)xc_interface_close(xch); }
};
struct CloseGnttab {
    void operator()(xengnttab_handle* handle) const noexcept { (void)xengnttab_close(handle); }
};
using Gnttab = std::unique_ptr<xengnttab_handle, CloseGnttab>;

/// A paused domain with a few pages, whose grant table dom0 writes in the domain's place.
class GnttabTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        ::setenv("FAKEXEN_HOST", host_.path().c_str(), 1);
        xch_.reset(xc_interface_open(nullptr, nullptr, XC_OPENFLAG_NON_REENTRANT));
        ASSERT_NE(xch_, nullptr);
        fmem_ = xenforeignmemory_open(nullptr, 0);
        gnttab_.reset(xengnttab_open(nullptr, 0));
        ASSERT_NE(gnttab_, nullptr);
        xen_domctl_createdomain config = {};
        config.max_vcpus = 1;
        config.max_evtchn_port = 1023;
        config.max_grant_frames = 4;
        config.grant_opts = XEN_DOMCTL_GRANT_version(2);
        ASSERT_EQ(xc_domain_create(xch_.get(), &domid_, &config), 0);
        ASSERT_EQ(xc_domain_setmaxmem(xch_.get(), domid_, nr_pages * page_octets / 1024), 0);
        mfns_.resize(nr_pages);
        std::iota(mfns_.begin(), mfns_.end(), 0);
        ASSERT_EQ(
            xc_domain_populate_physmap_exact(xch_.get(), domid_, nr_pages, 0, 0, mfns_.data()), 0);
        table_ = xenforeignmemory_map_resource(
            fmem_, static_cast<domid_t>(domid_), XENMEM_resource_grant_table,
            XENMEM_resource_grant_table_id_shared, 0, 1, &entries_, PROT_READ | PROT_WRITE, 0);
        ASSERT_NE(table_, nullptr);
    }

    void TearDown() override
    {
        (void)xenforeignmemory_unmap_resource(fmem_, table_);
        (void)xc_domain_destroy(xch_.get(), domid_);
        (void)xenforeignmemory_close(fmem_);
        gnttab_.reset();
        ::unsetenv("FAKEXEN_HOST");
    }

    grant_entry_v1_t& entry(std::uint32_t ref) const
    {
        return static_cast<grant_entry_v1_t*>(entries_)[ref];
    }
    void grant(std::uint32_t ref, unsigned page, unsigned flags = GTF_permit_access,
               domid_t to = 0) const
    {
        entry(ref) = {static_cast<std::uint16_t>(flags), to,
                      static_cast<std::uint32_t>(mfns_[page])};
    }
    std::uint16_t flags(std::uint32_t ref) const
    {
        return *static_cast<volatile std::uint16_t*>(&entry(ref).flags);
    }
    std::uint8_t* map(std::uint32_t ref, int prot = PROT_READ | PROT_WRITE) const
    {
        return static_cast<std::uint8_t*>(
            xengnttab_map_grant_ref(gnttab_.get(), domid_, ref, prot));
    }
    std::uint64_t nr_mapped_by_others() const
    {
        const auto shown = parsed_json(host_.fakexen({"show", "--json", std::to_string(domid_)}));
        return shown.at("grants").at("mapped_by_others");
    }

    FakeHost host_;
    std::unique_ptr<xc_interface, CloseXc> xch_;
    xenforeignmemory_handle* fmem_ = nullptr;
    Gnttab gnttab_;
    std::uint32_t domid_ = 0;
    std::vector<xen_pfn_t> mfns_;
    xenforeignmemory_resource_handle* table_ = nullptr;
    void* entries_ = nullptr;
};

TEST_F(GnttabTest, AMappedGrantIsTheGrantersPageAndInUse)
{
    grant(the_ref, 1);
    std::uint8_t* page = map(the_ref);
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(flags(the_ref), GTF_permit_access | GTF_reading | GTF_writing);
    EXPECT_EQ(nr_mapped_by_others(), 1U);
    page[17] = 42;
    auto* same = static_cast<std::uint8_t*>(
        xenforeignmemory_map(fmem_, domid_, PROT_READ, 1, &mfns_[1], nullptr));
    ASSERT_NE(same, nullptr);
    EXPECT_EQ(same[17], 42);
    EXPECT_EQ(xenforeignmemory_unmap(fmem_, same, 1), 0);
    EXPECT_EQ(xengnttab_unmap(gnttab_.get(), page, 1), 0);
    EXPECT_EQ(flags(the_ref), GTF_permit_access);
    EXPECT_EQ(nr_mapped_by_others(), 0U);
}

TEST_F(GnttabTest, AReaderIsNoWriter)
{
    grant(the_ref, 1, GTF_permit_access | GTF_readonly);
    EXPECT_EQ(map(the_ref), nullptr);
    EXPECT_EQ(errno, EINVAL);
    std::uint8_t* page = map(the_ref, PROT_READ);
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(flags(the_ref), GTF_permit_access | GTF_readonly | GTF_reading);
    EXPECT_EQ(xengnttab_unmap(gnttab_.get(), page, 1), 0);
    EXPECT_EQ(flags(the_ref), GTF_permit_access | GTF_readonly);
}

TEST_F(GnttabTest, SeveralAreMappedInOneRangeOrNone)
{
    grant(the_ref, 1);
    grant(the_ref + 1, 0);
    std::array<std::uint32_t, 3> refs = {the_ref + 1, the_ref, the_ref + 2};
    EXPECT_EQ(xengnttab_map_domain_grant_refs(gnttab_.get(), 3, domid_, refs.data(), PROT_READ),
              nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(flags(the_ref), GTF_permit_access) << "what was begun is undone";
    EXPECT_EQ(flags(the_ref + 1), GTF_permit_access);
    auto* pages = static_cast<std::uint8_t*>(xengnttab_map_domain_grant_refs(
        gnttab_.get(), 2, domid_, refs.data(), PROT_READ | PROT_WRITE));
    ASSERT_NE(pages, nullptr);
    pages[page_octets] = 7;
    std::uint8_t* second = map(the_ref, PROT_READ);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second[0], 7) << "in the order that was asked for";
    EXPECT_EQ(xengnttab_unmap(gnttab_.get(), second, 1), 0);
    EXPECT_EQ(flags(the_ref), GTF_permit_access | GTF_reading | GTF_writing) << "one use is left";
    EXPECT_EQ(xengnttab_unmap(gnttab_.get(), pages, 2), 0);
    EXPECT_EQ(flags(the_ref), GTF_permit_access);
}

TEST_F(GnttabTest, WhatIsNotGrantedToDom0IsNotMapped)
{
    grant(the_ref, 1, GTF_permit_access, 5);
    EXPECT_EQ(map(the_ref), nullptr);
    grant(the_ref, 1, GTF_invalid);
    EXPECT_EQ(map(the_ref), nullptr);
    EXPECT_EQ(map(512), nullptr) << "there is one frame";
    EXPECT_EQ(xengnttab_map_grant_ref(gnttab_.get(), 77, the_ref, PROT_READ), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(nr_mapped_by_others(), 0U);
}

TEST_F(GnttabTest, TheEndOfAMappingIsNotified)
{
    grant(the_ref, 1);
    auto* page = static_cast<std::uint8_t*>(xengnttab_map_grant_ref_notify(
        gnttab_.get(), domid_, the_ref, PROT_READ | PROT_WRITE, 100, ~0U));
    ASSERT_NE(page, nullptr);
    page[100] = 1;
    page[101] = 1;
    EXPECT_EQ(xengnttab_unmap(gnttab_.get(), page, 1), 0);
    page = map(the_ref);
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(page[100], 0);
    EXPECT_EQ(page[101], 1);
    EXPECT_EQ(xengnttab_unmap(gnttab_.get(), page, 1), 0);
    EXPECT_EQ(xengnttab_map_grant_ref_notify(gnttab_.get(), domid_, the_ref, PROT_READ, 100, ~0U),
              nullptr)
        << "nothing can be written there";
    EXPECT_EQ(xengnttab_map_grant_ref_notify(gnttab_.get(), domid_, the_ref, PROT_READ, ~0U, 900),
              nullptr)
        << "dom0 has no such port";
}

/// In a child: maps the grant, says so, and waits for its end.
[[noreturn]] void map_and_wait(std::uint32_t domid, int ready)
{
    xengnttab_handle* own = xengnttab_open(nullptr, 0);
    void* page = own != nullptr
                     ? xengnttab_map_grant_ref(own, domid, the_ref, PROT_READ | PROT_WRITE)
                     : nullptr;
    const char answer = page != nullptr ? 'y' : 'n';
    (void)!::write(ready, &answer, 1);
    ::pause();
    ::_exit(0);
}

TEST_F(GnttabTest, AProcessThatIsKilledLetsGo)
{
    grant(the_ref, 1);
    std::array<int, 2> ends = {};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        map_and_wait(domid_, ends[1]);
    }
    char answer = 0;
    ASSERT_EQ(::read(ends[0], &answer, 1), 1);
    ASSERT_EQ(answer, 'y');
    EXPECT_EQ(flags(the_ref), GTF_permit_access | GTF_reading | GTF_writing);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    for (int tries = 0; tries < 500 && flags(the_ref) != GTF_permit_access; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    EXPECT_EQ(flags(the_ref), GTF_permit_access);
    (void)::close(ends[0]);
    (void)::close(ends[1]);
}

TEST_F(GnttabTest, ThereIsNothingToShareFromDom0)
{
    EXPECT_EQ(xengntshr_open(nullptr, 0), nullptr);
    EXPECT_EQ(errno, ENOENT);
}

/// Dom0's own table, by a process of its own that has Xen's allocations fail. @return what went wrong, or nothing
std::string switch_dom0()
{
    const std::unique_ptr<xc_interface, CloseXc> xch{xc_interface_open(nullptr, nullptr, 0)};
    const auto set_version = [&](std::uint32_t version) {
        gnttab_set_version_t request = {.version = version};
        return xc_gnttab_op(xch.get(), GNTTABOP_set_version, &request, sizeof request, 1) == 0
                   ? 0
                   : errno;
    };
    for (int nth = 1; nth <= 2; ++nth) {
        if (const int error = set_version(2); error != ENOMEM) {
            return "switch " + std::to_string(nth) + ": errno " + std::to_string(error);
        }
    }
    if (set_version(2) != 0 || set_version(1) != 0) {
        return "the third switch and the way back";
    }
    return {};
}

TEST_F(GnttabTest, AllocationsOfASwitchFailOnCue)
{
    const pid_t child = ::fork();
    if (child == 0) {
        // The first switch fails at its array, the second one has that and fails at its frame.
        ::setenv("FAKEXEN_FAIL", "alloc_status_array:1:ENOMEM,alloc_status_frame:1:ENOMEM", 1);
        const std::string wrong = switch_dom0();
        (void)!::write(STDERR_FILENO, wrong.data(), wrong.size());
        ::_exit(wrong.empty() ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    const auto listed = parsed_json(host_.fakexen({"list", "--json"}));
    EXPECT_EQ(listed.at("status_frames").at("now"), 0);
    EXPECT_EQ(listed.at("status_frames").at("most"), 1);
    EXPECT_NE(host_.fakexen({"calls"}).find("grant_table_op.set_version = -ENOMEM (to 2)"),
              std::string::npos);
}

// Xen's test of XENMEM_acquire_resource (tools/tests/resource): it maps all of a domain's grant table, writes grants to dom0
// there and maps them by libxengnttab, and wants status frames of a table of version 1 refused. A host here knows no HVM
// domains, so what the test does with a PVH one is left out, by the test's own decision: the host says that it has no HVM.
class TestResource : public ::testing::Test {
protected:
    static constexpr const char* program = "/usr/lib/xen-4.17/bin/test-resource";
};

TEST_F(TestResource, PassesAsFarAsPvGoes)
{
    const FakeHost host;
    const auto free_frames = [&] {
        return parsed_json(host.fakexen({"list", "--json"})).at("free_frames");
    };
    const auto before = free_frames();
    const Ended ended = host.run({program});
    EXPECT_EQ(ended.status, 0) << ended.all();
    EXPECT_EQ(ended.out, "XENMEM_acquire_resource tests\n"
                         "Test x86 PV\n"
                         "  Created d1\n"
                         "  Test grant table\n"
                         "Test x86 PVH\n"
                         "  Skip: HVM not available\n");
    const std::string calls = host.fakexen({"calls"});
    for (const char* call :
         {"map_resource = 40 (d1 shared size)", "map_resource = 0 (d1 shared 0+40)",
          "map_grants = 0 (d1 ref 0, 40 pages)", "map_resource = -EINVAL (d1 status 0+1)"}) {
        EXPECT_NE(calls.find(call), std::string::npos) << call << " is not in\n" << calls;
    }
    EXPECT_EQ(free_frames(), before);
    const auto listed = parsed_json(host.fakexen({"list", "--json"}));
    EXPECT_EQ(listed.at("status_frames").at("most"), 0);
}

TEST_F(TestResource, MakesNoDomainWhereSoManyFramesAreForbidden)
{
    const FakeHost host{{"--memory", "64M", "--quirk", "grant-frames:39"}};
    const Ended ended = host.run({program});
    EXPECT_NE(ended.out.find("  Skip: 22 - Invalid argument\n"), std::string::npos) << ended.all();
}

// Its domain never uses version 2: an array for status frames is needed by a host only that makes one with every domain.
TEST_F(TestResource, NeedsNothingForStatusFramesUnlessTheHostIsEager)
{
    const Environment cue = {{"FAKEXEN_FAIL", "alloc_status_array:1:ENOMEM"}};
    const FakeHost deferring;
    EXPECT_EQ(deferring.run({program}, cue).status, 0);
    const FakeHost eager{{"--memory", "64M", "--quirk", "eager-status"}};
    const Ended ended = eager.run({program}, cue);
    EXPECT_NE(ended.status, 0);
    EXPECT_NE(ended.out.find("Domain create failure: 12 - Cannot allocate memory"),
              std::string::npos)
        << ended.all();
    EXPECT_EQ(eager.run({program}).status, 0);
}

TEST_F(TestResource, TheFakeLibraryHasTheSymbolsOfTheRealOne)
{
    const auto symbols = [](const std::string& library) {
        const Ended ended = run_command({"sh", "-c",
                                         "nm -D --defined-only --with-symbol-versions '" + library +
                                             "' | sed 's/^[^ ]* . //' | grep -v '^VERS' | sort"});
        EXPECT_FALSE(ended.out.empty()) << library << ": " << ended.all();
        return ended.out;
    };
    EXPECT_EQ(symbols(in_build("tests/fakexen/lib/libxengnttab.so.1")),
              symbols("/usr/lib/x86_64-linux-gnu/libxengnttab.so.1"));
}

}  // namespace
}  // namespace sr::test
