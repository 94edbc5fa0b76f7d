// SPDX-License-Identifier: LGPL-2.1-or-later
// Status, grants, suspend, resume, destroy. Resuming is libxenguest's.
#include "tests/fakexen/guest/commands.hpp"

#include <thread>

extern "C" {  // it does not say so itself
#include <xenguest.h>
}

namespace fakexen::guest {

namespace {

std::string home_of_guest(std::uint32_t domid)
{
    return "/local/domain/" + std::to_string(domid);
}

}  // namespace

bool Status::is_bad() const
{
    return verdict.empty() || verdict.starts_with("BROKEN") || verdict.starts_with("CRASHED");
}

Status status_of(const Toolstack& toolstack, std::uint32_t domid)
{
    const std::string at = home_of_guest(domid) + "/data/fakexen/";
    return {toolstack.read(at + "count").value_or("unknown"),
            toolstack.read(at + "state").value_or("silent"),
            toolstack.read(at + "verdict").value_or(""),
            toolstack.read(at + "fingerprint").value_or("none")};
}

std::string grants_of(const Toolstack& toolstack, std::uint32_t domid)
{
    return toolstack.read(home_of_guest(domid) + "/data/fakexen/grants").value_or("none");
}

void give_order(const Toolstack& toolstack, std::uint32_t domid, const std::string& order)
{
    toolstack.write(home_of_guest(domid) + "/control/shutdown", order);
}

void await_suspend(const Toolstack& toolstack, std::uint32_t domid, std::chrono::seconds patience)
{
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        xc_dominfo_t info = {};
        if (xc_domain_getinfo(toolstack.xc(), domid, 1, &info) != 1 || info.domid != domid) {
            throw std::runtime_error{"the domain is gone"};
        }
        if (info.crashed != 0 || (info.shutdown != 0 && info.shutdown_reason != SHUTDOWN_suspend)) {
            throw std::runtime_error{"the domain shut down, reason " +
                                     std::to_string(info.shutdown_reason)};
        }
        if (info.shutdown != 0) {
            return;
        }
        if (std::chrono::steady_clock::now() >= end) {
            throw std::runtime_error{"the domain does not suspend"};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
}

void resume_domain(const Toolstack& toolstack, std::uint32_t domid, bool cooperative,
                   bool tell_xenstored)
{
    (void)check(xc_domain_resume(toolstack.xc(), domid, cooperative ? 1 : 0), "xc_domain_resume");
    if (tell_xenstored && !xs_resume_domain(toolstack.xs(), domid)) {
        throw CallError{"xs_resume_domain"};
    }
}

void destroy_domain(const Toolstack& toolstack, std::uint32_t domid)
{
    (void)check(xc_domain_destroy(toolstack.xc(), domid), "xc_domain_destroy");
    (void)xs_rm(toolstack.xs(), XBT_NULL, home_of_guest(domid).c_str());
}

}  // namespace fakexen::guest
