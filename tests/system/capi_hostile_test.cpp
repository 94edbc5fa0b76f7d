// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_save() of guests that lie about themselves, and of one that somebody resumes meanwhile.
#include "libsr/xen/libraries.hpp"
#include "tests/system/capi_support.hpp"

#include <gtest/gtest.h>

#include <span>

namespace sr::test {
namespace {

/// One frame of a domain, mapped writably: what the guest itself could write.
class GuestPage {
public:
    GuestPage(xenforeignmemory_handle* fmem, DomId domid, xen_pfn_t mfn) : fmem_{fmem}
    {
        int error = 0;
        address_ = xenforeignmemory_map(fmem, domid, PROT_READ | PROT_WRITE, 1, &mfn, &error);
        if (address_ == nullptr || error != 0) {
            throw std::runtime_error{"cannot map a page of the guest"};
        }
    }
    ~GuestPage() { (void)xenforeignmemory_unmap(fmem_, address_, 1); }
    GuestPage(const GuestPage&) = delete;
    GuestPage& operator=(const GuestPage&) = delete;

    [[nodiscard]] std::span<std::uint64_t, 512> words() const
    {
        return std::span<std::uint64_t, 512>{static_cast<std::uint64_t*>(address_), 512};
    }

private:
    xenforeignmemory_handle* fmem_;
    void* address_ = nullptr;
};

/// A suspended guest of its own with a 3-level p2m, to lie with.
class Liar : public testing::Test {
protected:
    void SetUp() override
    {
        const FakeHost& host = world().host;
        name_ = host.create_guest({"--name", "liar", "--memory", "4M", "--p2m", "tree", "--period",
                                   "1", "--holes", "600", "--no-balloon"});
        domid_ = static_cast<DomId>(std::stoul(name_));
        (void)host.await_count(name_, 5);
        host.suspend(name_);
        fmem_ = xenforeignmemory_open(nullptr, 0);
        xch_ = xc_interface_open(nullptr, nullptr, 0);
        xc_domaininfo_t told{};
        ASSERT_EQ(xc_domain_getinfolist(xch_, domid_, 1, &told), 1);
        shared_info_ = told.shared_info_frame;
    }

    void TearDown() override
    {
        world().toolstack.destroy(domid_);
        (void)xenforeignmemory_close(fmem_);
        (void)xc_interface_close(xch_);
    }

    [[nodiscard]] GuestPage page(xen_pfn_t mfn) const { return {fmem_, domid_, mfn}; }

    sr_error save(Recorder& recorder) const
    {
        const MemoryFile file;
        const sr_save_ops ops = recorder.save_ops();
        sr_error error = fresh_error();
        error.error_class = SR_ERROR_NONE;
        (void)sr_save(world().engine.get(), domid_, file.fd(), nullptr, &ops, &recorder, &error);
        return error;
    }

    // Words of a 64-bit shared_info page: arch.max_pfn and arch.pfn_to_mfn_frame_list_list.
    static constexpr std::size_t max_pfn = 3088 / 8;
    static constexpr std::size_t frame_list_list = 3096 / 8;

    std::string name_;
    DomId domid_ = 0;
    xen_pfn_t shared_info_ = 0;
    xenforeignmemory_handle* fmem_ = nullptr;
    xc_interface* xch_ = nullptr;
    Recorder recorder_;
};

TEST_F(Liar, MayNotClaimMorePfnsThanItsMemoryCanNeed)
{
    const GuestPage shared_info = page(shared_info_);
    const std::uint64_t truth = shared_info.words()[max_pfn];
    for (const std::uint64_t claim :
         {std::uint64_t{1} << 28, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
        shared_info.words()[max_pfn] = claim;
        const sr_error error = save(recorder_);
        EXPECT_EQ(error.error_class, SR_ERROR_GUEST) << error.message;
        EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
        EXPECT_NE(std::string{error.message}.find("max_pfn"), std::string::npos) << error.message;
    }
    shared_info.words()[max_pfn] = truth;
    EXPECT_EQ(save(recorder_).error_class, SR_ERROR_NONE);
}

TEST_F(Liar, MayNotNameItsFramesAgainAndAgain)
{
    const xen_pfn_t top = page(shared_info_).words()[frame_list_list];
    const GuestPage leaf = page(page(page(top).words()[0]).words()[0]);
    const std::vector<std::uint64_t> truth{leaf.words().begin(), leaf.words().end()};
    constexpr std::uint64_t none = ~std::uint64_t{0};
    std::uint64_t some_frame = none;
    for (std::uint64_t& entry : leaf.words()) {
        if (entry != none) {
            some_frame = entry;
        } else if (some_frame != none) {
            entry = some_frame;
        }
    }
    const sr_error error = save(recorder_);
    EXPECT_EQ(error.error_class, SR_ERROR_GUEST) << error.message;
    EXPECT_NE(std::string{error.message}.find("several pfns"), std::string::npos) << error.message;
    std::copy(truth.begin(), truth.end(), leaf.words().begin());
    EXPECT_EQ(save(recorder_).error_class, SR_ERROR_NONE);
}

TEST_F(Liar, MayNotBeResumedWhileItIsSaved)
{
    recorder_.at_progress = [&](const sr_progress& progress) {
        if (progress.phase == SR_PHASE_COMPLETION) {
            (void)world().host.guest({"resume", name_});
        }
    };
    const sr_error error = save(recorder_);
    EXPECT_EQ(error.error_class, SR_ERROR_GUEST) << error.message;
    EXPECT_NE(std::string{error.message}.find("did not stay suspended"), std::string::npos)
        << error.message;
}

TEST_F(Liar, MayNotHaveItsFirstVcpuOffline)
{
    vcpu_guest_context_any_t context{};
    ASSERT_EQ(xc_vcpu_getcontext(xch_, domid_, 0, &context), 0);
    context.x64.flags &= ~std::uint64_t{VGCF_online};
    if (xc_vcpu_setcontext(xch_, domid_, 0, &context) != 0) {
        GTEST_SKIP() << "this host does not let a vCPU be taken offline so";
    }
    const sr_error error = save(recorder_);
    EXPECT_EQ(error.error_class, SR_ERROR_GUEST) << error.message;
    EXPECT_NE(std::string{error.message}.find("vCPU 0"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace sr::test
