// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest goes through a host on which nobody plays its kernel: `fakexen adopt` does what that kernel would.
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

namespace sr::test {
namespace {

const std::vector<std::string> host_a = {"--memory", "256M", "--seed", "1"};
const std::vector<std::string> host_without_guests = {"--memory",        "256M",     "--seed", "2",
                                                      "--guest-program", "/bin/true"};
const std::vector<std::string> host_c = {"--memory", "256M", "--seed", "3"};

/// Of the guest: its width in bits.
class Adopt : public testing::TestWithParam<unsigned> {
protected:
    /// Saves a guest on one host and restores it on one where nobody plays it. @return its domid there
    [[nodiscard]] std::string bring(const FakeHost& from, const FakeHost& to, const char* p2m)
    {
        shape_.options = {"--bits", std::to_string(GetParam()), "--p2m", p2m};
        const std::string domid = create_guest(from, shape_);
        count_ = from.await_count(domid, 60);
        save_raw(from, Engine::libsr, domid, first_);
        return restore_raw(to, Engine::libsr, first_, shape_);
    }

    TemporaryDirectory files_;
    std::string first_ = files_.path() + "/first";
    std::string second_ = files_.path() + "/second";
    GuestShape shape_{.memory_mib = 24};
    std::uint64_t count_ = 0;
};

TEST_P(Adopt, AGuestWithAListIsSavedOnceMoreAndGoesOn)
{
    const FakeHost a{host_a};
    const FakeHost b{host_without_guests};
    const FakeHost c{host_c};
    const std::string domid = bring(a, b, "list");
    ASSERT_NE(domid, "");
    (void)b.fakexen({"adopt", domid});
    save_raw(b, Engine::libsr, domid, second_);
    expect_alive(c, restore_raw(c, Engine::libsr, second_, shape_), count_);
}

TEST_P(Adopt, AGuestWithATreeIsRefusedInWords)
{
    const FakeHost a{host_a};
    const FakeHost b{host_without_guests};
    const std::string domid = bring(a, b, "tree");
    ASSERT_NE(domid, "");
    const Ended refused = b.run({in_build("tests/fakexen/fakexen"), "adopt", domid});
    EXPECT_NE(refused.status, 0);
    EXPECT_NE(refused.all().find("only its kernel knows where its p2m tree is"), std::string::npos)
        << refused.all();
    (void)b.guest({"destroy", domid});
}

INSTANTIATE_TEST_SUITE_P(Bits, Adopt, testing::Values(64U, 32U), testing::PrintToStringParamName());

}  // namespace
}  // namespace sr::test
