// SPDX-License-Identifier: LGPL-2.1-or-later
// Which hypervisors report stale types.
#include "libsr/save/stale_types.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

TEST(StaleTypes, AreReportedByXenBefore416)
{
    EXPECT_TRUE(reports_stale_types({3, 4}));
    EXPECT_TRUE(reports_stale_types({4, 4}));
    EXPECT_TRUE(reports_stale_types({4, 15}));
    EXPECT_FALSE(reports_stale_types({4, 16}));
    EXPECT_FALSE(reports_stale_types({4, 17}));
    EXPECT_FALSE(reports_stale_types({5, 0}));
}

}  // namespace
}  // namespace sr
