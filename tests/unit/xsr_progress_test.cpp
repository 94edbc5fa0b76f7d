// SPDX-License-Identifier: LGPL-2.1-or-later
// The progress line at every width, and its JSON.
#include "tools/xsr/progress_line.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

using namespace std::chrono_literals;

ProgressFacts half_way()
{
    ProgressFacts facts;
    facts.verb = "save";
    facts.name = "web";
    facts.phase = SR_PHASE_MEMORY;
    facts.pages_done = 3000;
    facts.pages_total = 6000;
    facts.pages_sent = 2900;
    facts.octets = 12'000'000;
    facts.elapsed = 3s;
    facts.octets_per_second = 4'000'000;
    return facts;
}

TEST(ProgressLine, ShowsEverythingWhereThereIsRoom)
{
    EXPECT_EQ(progress_line(half_way(), 120, false),
              "save web  ===============---------------   50 %  2,900 pages  11.4 MiB  3.8 MiB/s  "
              "0:03 left");
}

TEST(ProgressLine, NamesTheRoundWhileTheGuestRuns)
{
    ProgressFacts facts = half_way();
    facts.phase = SR_PHASE_LIVE;
    EXPECT_NE(progress_line(facts, 120, false).find("  2,900 pages  round 1  11.4 MiB"),
              std::string::npos);
    facts.round = 2;
    EXPECT_NE(progress_line(facts, 120, false).find("  round 3: 6,000 dirty pages  11.4 MiB"),
              std::string::npos);
}

TEST(ProgressLine, NeverPassesTheEdge)
{
    for (std::size_t columns = 0; columns < 130; ++columns) {
        EXPECT_LE(progress_line(half_way(), columns, false).size(), columns);
    }
}

TEST(ProgressLine, DropsTheBarBeforeTheFigures)
{
    EXPECT_EQ(progress_line(half_way(), 60, false),
              "save web   50 %  2,900 pages  11.4 MiB  3.8 MiB/s  0:03 left");
    EXPECT_EQ(progress_line(half_way(), 16, false), "save web   50 %");
}

TEST(ProgressLine, DoesWithoutATotal)
{
    ProgressFacts facts = half_way();
    facts.pages_total = 0;
    EXPECT_EQ(progress_line(facts, 120, false), "save web  2,900 pages  11.4 MiB  3.8 MiB/s");
    facts.octets_total = 24'000'000;
    EXPECT_DOUBLE_EQ(fraction_done(facts), 0.5);
}

TEST(ProgressLine, HasNoFiguresBeforeThereAreAny)
{
    ProgressFacts facts;
    facts.verb = "restore";
    facts.name = "web";
    EXPECT_EQ(progress_line(facts, 80, false), "restore web  preparing");
}

TEST(ProgressLine, IsDoneAtCompletion)
{
    ProgressFacts facts = half_way();
    facts.phase = SR_PHASE_COMPLETION;
    EXPECT_DOUBLE_EQ(fraction_done(facts), 1);
    facts.phase = SR_PHASE_MEMORY;
    facts.pages_done = 7000;  // more than was foretold
    EXPECT_DOUBLE_EQ(fraction_done(facts), 1);
}

TEST(ProgressJson, NamesItsMembersAsQemuDoes)
{
    const auto line = progress_json(half_way());
    EXPECT_EQ(line["status"], "active");
    EXPECT_EQ(line["phase"], "memory");
    EXPECT_EQ(line["total-time"], 3000);
    EXPECT_EQ(line["ram"]["transferred"], 12'000'000);
    EXPECT_EQ(line["ram"]["total"], 6000 * 4096);
    EXPECT_EQ(line["ram"]["remaining"], 3000 * 4096);
    EXPECT_EQ(line["ram"]["normal"], 2900);
    EXPECT_DOUBLE_EQ(line["ram"]["mbps"], 32);
}

}  // namespace
}  // namespace sr
