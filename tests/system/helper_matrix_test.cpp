// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests that move from host to host as libxl moves them, each engine's save helper at either end. The guest judges.
#include "libsr/base/error.hpp"
#include "tests/system/helper_support.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <tuple>

namespace sr::test {
namespace {

const std::vector<std::string> host_a = {"--memory", "256M", "--seed", "1"};
const std::vector<std::string> host_b = {"--memory", "256M", "--seed", "2"};

/// Quanta after which a guest has written all its pages and changed tables, balloon and contents often.
constexpr std::uint64_t busy_count = 60;

enum class Way { plain, live, remus };

struct NamedShape {
    const char* what;
    GuestShape shape;
};

const NamedShape shapes[] = {
    {"List", {.options = {"--p2m", "list"}}},
    {"Tree", {.options = {"--p2m", "tree"}}},
    {"PaeList", {.options = {"--bits", "32", "--p2m", "list"}}},
    {"PaeTree", {.options = {"--bits", "32", "--p2m", "tree"}}},
};

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

class Matrix : public testing::TestWithParam<std::tuple<Engine, Engine, NamedShape, Way>> {
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
    const auto& [saver, restorer, named, way] = GetParam();
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const GuestShape shape = spare_stock(named.shape, saver, restorer, way);
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
    const auto& [saver, restorer, named, way] = test.param;
    return std::string{to_string(way)} + "_" + sr::test::to_string(saver) + "_" +
           sr::test::to_string(restorer) + "_" + named.what;
}

INSTANTIATE_TEST_SUITE_P(Helpers, Matrix,
                         testing::Combine(testing::Values(Engine::libsr, Engine::stock),
                                          testing::Values(Engine::libsr, Engine::stock),
                                          testing::ValuesIn(shapes),
                                          testing::Values(Way::plain, Way::live, Way::remus)),
                         name_of_case);

}  // namespace
}  // namespace sr::test
