// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests that are stepped, and what a host says of them.
#include "tests/system/stepped_host.hpp"

#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sr::test {

namespace {

std::vector<std::string> with_common(std::vector<std::string> options)
{
    options.insert(options.begin(), {"--memory", "64M", "--seed", "5", "--step"});
    return options;
}

}  // namespace

SteppedHost::SteppedHost(const std::vector<std::string>& more) : host{with_common(more)}
{
    ::setenv("FAKEXEN_HOST", host.path().c_str(), 1);
    toolstack = std::make_unique<Toolstack>();
    sr_host* opened = nullptr;
    EXPECT_EQ(sr_host_open(nullptr, &opened, nullptr), 0);
    engine.reset(opened);
}

std::string SteppedHost::suspended_guest(const std::string& name,
                                         const std::vector<std::string>& more) const
{
    std::vector<std::string> options = {"--name", name,      "--memory", "4M",       "--vcpus",
                                        "2",      "--holes", "20",       "--period", "1"};
    options.insert(options.end(), more.begin(), more.end());
    const std::string domid = host.create_guest(options);
    host.step(domid, 12);
    host.suspend(domid);
    return domid;
}

void SteppedHost::expect_intact(const std::string& domid) const
{
    host.step(domid, 3);
    const std::string verdict = host.verdict_of(domid);
    EXPECT_EQ(verdict.rfind("intact ", 0), 0U) << verdict << host.log();
}

void SteppedHost::expect_alive(const std::string& domid)
{
    toolstack->resume(static_cast<DomId>(std::stoul(domid)));
    expect_intact(domid);
    host.suspend(domid);
}

std::uint64_t SteppedHost::free_frames() const
{
    return parsed_json(host.fakexen({"list", "--json"})).at("free_frames");
}

std::vector<std::string> SteppedHost::store_entries()
{
    std::vector<std::string> entries;
    const StoreView store = toolstack->store().now();
    for (const char* const directory : {"/local/domain", "/libxl", "/vm"}) {
        for (const std::string& name : store.list(directory)) {
            entries.push_back(std::string{directory} + "/" + name);
        }
    }
    return entries;
}

void SteppedHost::expect_let_go(const std::string& domid) const
{
    const auto shown = parsed_json(host.fakexen({"show", "--json", domid}));
    EXPECT_EQ(shown.at("mappings").size(), 0U) << shown.at("mappings");
    EXPECT_FALSE(shown.at("log_dirty").get<bool>());
}

}  // namespace sr::test
