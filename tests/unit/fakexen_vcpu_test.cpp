// SPDX-License-Identifier: LGPL-2.1-or-later
// vCPU contexts, xsave blobs, CPU policies and cues: what a fakexen host takes and refuses.
#include "libsr/base/error.hpp"
#include "tests/fakexen/host/client_process.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"
#include "tests/unit/fakexen_support.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace fakexen {
namespace {

class VcpuTest : public HypervisorTest {
protected:
    VcpuTest()
    {
        context.flags = VGCF_in_kernel | VGCF_online;
        context.ctrlreg[3] = t.l4.number() << 12;
        context.gdt_frames[0] = gdt.number();
        context.gdt_ents = 16;
    }

    Vcpu& vcpu() { return *domain.vcpu(0); }

    const Tree t = tree();
    const Mfn gdt = page();
    vcpu_guest_context_t context = {};
};

TEST_F(VcpuTest, TheFirstContextTakesTablesAndGdt)
{
    ASSERT_EQ(set_context(xen, vcpu(), context), 0);
    EXPECT_EQ(frame(t.l4).type, FrameType::l4_table);
    EXPECT_EQ(frame(gdt).type, FrameType::segment);
    const vcpu_guest_context_t read = get_context(vcpu());
    EXPECT_EQ(read.ctrlreg[3], context.ctrlreg[3]);
    EXPECT_EQ(read.gdt_frames[0], gdt.number());
    EXPECT_EQ(read.gdt_ents, 16U);
    EXPECT_NE(read.flags & VGCF_online, 0U);
    xen.reset_vcpu(vcpu());
    EXPECT_EQ(frame(t.l4).references, 1U);
    EXPECT_EQ(frame(gdt).references, 1U);
}

TEST_F(VcpuTest, AResetKeepsTheRegisteredInfo)
{
    const Mfn info = page();
    ASSERT_EQ(xen.types.get_page_and_type(info, FrameType::writable, domain), 0);
    vcpu().info_frame = info;
    xen.reset_vcpu(vcpu());
    EXPECT_EQ(vcpu().info_frame, info);
    EXPECT_EQ(frame(info).references, 2U);
    xen.destroy_domain(domain);
    EXPECT_EQ(frame(info).references, 0U) << "gone with its domain";
}

TEST_F(VcpuTest, ALaterContextMustNameTheSameTables)
{
    ASSERT_EQ(set_context(xen, vcpu(), context), 0);
    context.user_regs.rax = 7;
    EXPECT_EQ(set_context(xen, vcpu(), context), 0);
    context.ctrlreg[3] = page().number() << 12;
    EXPECT_EQ(set_context(xen, vcpu(), context), -EOPNOTSUPP);
    EXPECT_EQ(get_context(vcpu()).user_regs.rax, 7U);
}

// What a refused context has got before it was refused stays with the vCPU, as in Xen, and goes with a reset.
TEST_F(VcpuTest, RefusesBadContextsAndLosesNoReference)
{
    const auto refused_with = [&](auto change) {
        vcpu_guest_context_t changed = context;
        change(changed);
        const int error = set_context(xen, vcpu(), changed);
        xen.reset_vcpu(vcpu());
        EXPECT_EQ(frame(t.l4).references, 1U);
        EXPECT_EQ(frame(gdt).references, 1U);
        EXPECT_FALSE(vcpu().initialised);
        return error;
    };
    using Context = vcpu_guest_context_t;
    EXPECT_EQ(refused_with([](Context& c) { c.user_regs.rip = 0x8000'0000'0000'0000; }), -EINVAL);
    EXPECT_EQ(refused_with([](Context& c) { c.gdt_ents = gdt_entries_max + 1; }), -EINVAL);
    EXPECT_EQ(refused_with([](Context& c) { c.gdt_frames[0] = 1; }), -EINVAL);
    EXPECT_EQ(refused_with([](Context& c) { c.ctrlreg[3] = 0x5000; }), -EINVAL);
    EXPECT_EQ(refused_with([](Context& c) { c.ctrlreg[1] = 0x5000; }), -EINVAL);
    EXPECT_EQ(refused_with([](Context& c) { c.flags = 0; }), -EINVAL) << "in user mode without cr1";
    EXPECT_EQ(refused_with([](Context& c) { c.vm_assist = std::uint64_t{1} << 40; }), -EINVAL);
    EXPECT_EQ(refused_with([](Context& c) { c.ldt_ents = 8193; }), -EINVAL);
}

std::vector<std::byte> xsave_blob(std::uint64_t xcr0, std::uint64_t accumulated, std::size_t size)
{
    std::vector<std::byte> blob(std::max<std::size_t>(size, 16));
    std::memcpy(blob.data(), &xcr0, sizeof xcr0);
    std::memcpy(blob.data() + 8, &accumulated, sizeof accumulated);
    blob.resize(size);
    return blob;
}

TEST(Xsave, TakesWhatTheHostHas)
{
    using namespace xsave;
    XsaveState state;
    EXPECT_EQ(state.size(), head_size);
    EXPECT_EQ(state.set(xsave_blob(0, 0, head_size), usual_features), 0);
    const auto avx_blob = xsave_blob(7, 7, blob_size(7));
    EXPECT_EQ(state.set(avx_blob, usual_features), 0);
    EXPECT_EQ(state.blob(), avx_blob);
    EXPECT_EQ(state.set(xsave_blob(7, 7, blob_size(3)), usual_features), -EINVAL) << "too short";
    EXPECT_EQ(state.set(xsave_blob(6, 7, blob_size(7)), usual_features), -EINVAL) << "no x87";
    EXPECT_EQ(state.set(xsave_blob(5, 7, blob_size(7)), usual_features), -EINVAL) << "AVX, no SSE";
    EXPECT_EQ(state.set(xsave_blob(7, 3, blob_size(7)), usual_features), -EINVAL);
    EXPECT_EQ(state.set(xsave_blob(7, 7, 15), usual_features), -EINVAL);
    EXPECT_EQ(state.set(xsave_blob(7, 7, blob_size(7)), x87 | sse), -EINVAL) << "larger than any";
    EXPECT_EQ(state.blob(), avx_blob) << "a refused blob changes nothing";
}

TEST(CpuPolicy, AWholePolicyReplacesAPartialOneMerges)
{
    CpuPolicy policy = default_cpu_policy();
    const std::size_t nr_leaves = policy.leaves.size();
    EXPECT_EQ(merge_cpu_policy(policy, {{0x7, 0, 0, 1, 2, 3}}, {}).result, 0);
    EXPECT_EQ(policy.leaves.size(), nr_leaves);
    EXPECT_EQ(merge_cpu_policy(policy, {{0, ~0U, 1, 0, 0, 0}, {1, ~0U, 0, 0, 0, 0}}, {}).result, 0);
    EXPECT_EQ(policy.leaves.size(), 2U);
    const CpuPolicyError error = merge_cpu_policy(policy, {{0x30000000, 0, 0, 0, 0, 0}}, {});
    EXPECT_EQ(error.result, -ERANGE);
    EXPECT_EQ(error.leaf, 0x30000000U);
    EXPECT_EQ(merge_cpu_policy(policy, {}, {{0x1b, 0, 0}}).msr, 0x1bU);
}

TEST(FailCues, AreCallNthErrno)
{
    std::vector<std::string> refused;
    const auto cues =
        parse_fail_cues("map:3:ENOMEM,domctl.getvcpucontext:1:14,x,map:0:EIO,map:1:EWHAT", refused);
    ASSERT_EQ(cues.size(), 2U);
    EXPECT_EQ(cues[0].call, "map");
    EXPECT_EQ(cues[0].nth, 3U);
    EXPECT_EQ(cues[0].errnum, ENOMEM);
    EXPECT_EQ(cues[1].call, "domctl.getvcpucontext");
    EXPECT_EQ(cues[1].errnum, EFAULT);
    EXPECT_EQ(refused, (std::vector<std::string>{"x", "map:0:EIO", "map:1:EWHAT"}));
}

TEST(FailCues, MayBeSignals)
{
    std::vector<std::string> refused;
    const auto cues = parse_fail_cues("any:40:SIGKILL,map:1:SIGNAL", refused);
    ASSERT_EQ(cues.size(), 1U);
    EXPECT_EQ(cues[0].call, "any");
    EXPECT_EQ(cues[0].signal, SIGKILL);
    EXPECT_EQ(cues[0].errnum, 0);
    EXPECT_EQ(refused, std::vector<std::string>{"map:1:SIGNAL"});
}

TEST(FailCues, AllocationsAreCountedByThemselvesAndInNoTrace)
{
    const Quirks quirks;
    Trace trace;
    ClientProcess client{0, trace, quirks};
    sr::NullLogger log;
    client.add_cues("alloc_status_frame:2:ENOMEM,any:2:EPERM", log);
    client.entered("grant_table_op", "set_version");
    EXPECT_TRUE(client.allocating("alloc_status_array"));
    EXPECT_TRUE(client.allocating("alloc_status_frame"));
    EXPECT_FALSE(client.allocating("alloc_status_frame"));
    EXPECT_TRUE(client.allocating("alloc_status_frame"));
    client.left(-ENOMEM);
    EXPECT_THROW(client.entered("", "map"), Refused) << "the second of any calls";
    client.left(-EPERM);
    EXPECT_EQ(trace.lines().size(), 2U);
}

TEST(Trace, TellsWhatACallWasAboutBehindItsResult)
{
    const Quirks quirks;
    Trace trace;
    ClientProcess client{0, trace, quirks};
    client.entered("", "map_resource");
    client.described("d1 status 0+1");
    client.left(-EINVAL);
    client.entered("", "map");
    client.left(0);
    EXPECT_TRUE(trace.lines()[0].ends_with(" map_resource = -EINVAL (d1 status 0+1)"));
    EXPECT_TRUE(trace.lines()[1].ends_with(" map = 0")) << "of the next call nothing is known";
}

TEST(Quirks, AreReadByName)
{
    Quirks quirks;
    add_quirk(quirks, "stale-types");
    add_quirk(quirks, "latency:map:250");
    add_quirk(quirks, "latency:any:1");
    add_quirk(quirks, "grant-version:1");
    add_quirk(quirks, "grant-frames:32");
    add_quirk(quirks, "eager-status");
    EXPECT_TRUE(quirks.eager_status);
    EXPECT_EQ(quirks.grants.max_version, 1U);
    EXPECT_EQ(quirks.grants.max_frames, 32U);
    EXPECT_TRUE(quirks.stale_types);
    EXPECT_FALSE(quirks.no_gup);
    EXPECT_EQ(quirks.latency_us("map", "map"), 251U);
    EXPECT_EQ(quirks.latency_us("memory_op.populate_physmap", "populate_physmap"), 1U);
    for (const char* wrong : {"", "stale", "grant-version:3", "grant-version:0",
                              "grant-frames:", "grant-frames:1x", "latency:map", "latency::5",
                              "latency:map:", "latency:map:5s", "latency:map:99999999999"}) {
        EXPECT_THROW(add_quirk(quirks, wrong), sr::Error) << wrong;
    }
}

TEST(Quirks, DelayTheNextAnswerOnce)
{
    Quirks quirks;
    add_quirk(quirks, "latency:populate_physmap:250");
    Trace trace;
    ClientProcess client{0, trace, quirks};
    client.entered("memory_op", "populate_physmap");
    client.left(0);
    EXPECT_EQ(client.take_delay_us(), 250U);
    client.entered("", "map");
    client.left(0);
    EXPECT_EQ(client.take_delay_us(), 0U);
}

}  // namespace
}  // namespace fakexen
