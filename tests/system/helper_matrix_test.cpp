// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests that move from host to host as libxl moves them, each engine's save helper at either end. The guest judges.
#include "libsr/base/error.hpp"
#include "tests/system/guest_kinds.hpp"
#include "tests/system/helper_support.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <tuple>

namespace sr::test {
namespace {

enum class Way { plain, live, remus };

const char* to_string(Way way) noexcept
{
    switch (way) {
    case Way::plain:
        return "Plain";
    case Way::live:
        return "Live";
    case Way::remus:
        return "Remus";
    }
    return "";
}

class Matrix : public testing::TestWithParam<std::tuple<Engine, Engine, Kind, Way>> {
protected:
    Matrix()
    {
        if (::mkfifo(fifo_.c_str(), 0600) != 0) {
            throw std::runtime_error{"mkfifo " + fifo_};
        }
    }

    TemporaryDirectory files_;
    std::string fifo_ = files_.path() + "/stream";
};

std::vector<std::string> save_options(Way way)
{
    switch (way) {
    case Way::plain:
        return {};
    case Way::live:
        return {"--live"};
    case Way::remus:
        return {"--checkpoints", "100", "--at", "suspend:5=KILL"};
    }
    return {};
}

/// What a guest must not do while it is saved by or for the stock engine, beyond what any guest may:
///  - have pages go: the stock saver does not notice it while they are clean, and the stock restorer does not take back
///    what it has populated, so that a frame stays where the guest knows of none;
///  - turn page tables into other pages: the stock saver takes a table that ceases to be one between two looks for one with
///    superpages, and gives up.
GuestShape spare_stock(GuestShape shape, Engine saver, Engine restorer, Way way)
{
    if (way == Way::plain) {
        return shape;
    }
    if (saver == Engine::stock || restorer == Engine::stock) {
        shape.options.emplace_back("--no-balloon");
    }
    if (saver == Engine::stock) {
        shape.options.emplace_back("--no-tables");
    }
    return shape;
}

TEST_P(Matrix, GuestGoesOnAndFindsEveryPageIntact)
{
    const auto& [saver, restorer, width, way] = GetParam();
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const GuestShape shape = spare_stock({.options = width.options}, saver, restorer, way);
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    Running saving = start_save(a, saver, fifo_, domid, save_options(way));
    Running restoring = start_restore(b, restorer, fifo_, shape,
                                      way == Way::remus ? std::vector<std::string>{"--remus"}
                                                        : std::vector<std::string>{});
    const Ended saved = saving.wait();
    const Ended restored = restoring.wait();
    EXPECT_EQ(saved.status, way == Way::remus ? 2 : 0) << "saving: " << saved.all() << a.log();
    EXPECT_EQ(restored.status, 0) << "restoring: " << restored.all() << b.log();
    EXPECT_TRUE(has_line(restored, "helper: exit 0")) << restored.all();
    if (way == Way::remus) {
        (void)xsr(a, {"destroy", domid});
    }
    EXPECT_EQ(domains_of(a), std::vector<unsigned>{});
    expect_alive(b, domain_made(restored), before);
}

std::string name_of_case(const testing::TestParamInfo<Matrix::ParamType>& test)
{
    const auto& [saver, restorer, width, way] = test.param;
    return std::string{to_string(way)} + "_" + sr::test::to_string(saver) + "_" +
           sr::test::to_string(restorer) + "_" + width.name;
}

INSTANTIATE_TEST_SUITE_P(Helpers, Matrix,
                         testing::Combine(testing::Values(Engine::libsr, Engine::stock),
                                          testing::Values(Engine::libsr, Engine::stock),
                                          testing::ValuesIn(widths),
                                          testing::Values(Way::plain, Way::live, Way::remus)),
                         name_of_case);

}  // namespace
}  // namespace sr::test
