// SPDX-License-Identifier: LGPL-2.1-or-later
// The suspend request of Xen's "control/shutdown" protocol, from the toolstack's side.
#include "tools/toolstack/suspend.hpp"

#include "libsr/base/error.hpp"
#include "tools/toolstack/domain_entries.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>

namespace sr {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Fires when any domain shuts down or goes away.
constexpr const char* release_watch = "@releaseDomain";
/// Watches say when to look; this bounds how long a lost one can delay us.
constexpr milliseconds look_anyway{1000};

/// One attempt to suspend one domain. Holds the watches.
class SuspendAttempt {
public:
    SuspendAttempt(Toolstack& toolstack, DomId domid, const SuspendOptions& options)
        : toolstack_{toolstack}, domid_{domid}, options_{options},
          request_path_{domain_path(domid) + "/control/shutdown"}, interrupt_fd_{
                                                                       options.interrupt_fd}
    {
        toolstack_.store().watch(request_path_);
        toolstack_.store().watch(release_watch);
    }
    SuspendAttempt(const SuspendAttempt&) = delete;
    SuspendAttempt& operator=(const SuspendAttempt&) = delete;
    ~SuspendAttempt()
    {
        toolstack_.store().unwatch(request_path_);
        toolstack_.store().unwatch(release_watch);
        toolstack_.store().drain_watches();
    }

    void run();

private:
    void write_request();
    [[nodiscard]] bool is_acknowledged();
    [[nodiscard]] bool has_suspended();
    [[nodiscard]] bool withdraw();
    template <typename Done>
    [[nodiscard]] bool wait_until(Clock::time_point deadline, Done&& done);
    /// False: interrupted.
    [[nodiscard]] bool wait_for_event(milliseconds at_most);

    Toolstack& toolstack_;
    DomId domid_;
    const SuspendOptions& options_;
    std::string request_path_;
    int interrupt_fd_;
    bool is_interrupted_ = false;
};

double seconds(milliseconds time)
{
    return static_cast<double>(time.count()) / 1000.0;
}

void SuspendAttempt::write_request()
{
    toolstack_.store().transaction([&](const StoreView& store) {
        if (!store.read(domain_path(domid_) + "/control")) {
            throw Error{Errc::guest,
                        "domain %u has no control/ directory in xenstore: it cannot be "
                        "asked to suspend",
                        domid_};
        }
        store.write(request_path_, "suspend");
    });
}

bool SuspendAttempt::is_acknowledged()
{
    return has_suspended() || toolstack_.store().now().read(request_path_) != "suspend";
}

bool SuspendAttempt::has_suspended()
{
    const auto state = toolstack_.control().state_of(domid_);
    if (!state || state->is_dying) {
        throw Error{Errc::guest, "domain %u went away while it was asked to suspend", domid_};
    }
    if (state->shutdown && !state->is_suspended()) {
        throw Error{Errc::guest, "domain %u %s instead of suspending", domid_,
                    state->shutdown == ShutdownReason::crash ? "crashed" : "shut down"};
    }
    return state->is_suspended();
}

/// Takes the request back. False: the guest acknowledged it at the last moment.
bool SuspendAttempt::withdraw()
{
    bool is_withdrawn = false;
    toolstack_.store().transaction([&](const StoreView& store) {
        is_withdrawn = store.read(request_path_) == "suspend";
        if (is_withdrawn) {
            store.write(request_path_, "");
        }
    });
    return is_withdrawn;
}

bool SuspendAttempt::wait_for_event(milliseconds at_most)
{
    std::array<pollfd, 2> fds{pollfd{toolstack_.store().poll_fd(), POLLIN, 0},
                              pollfd{interrupt_fd_, POLLIN, 0}};
    const auto wait = std::clamp(at_most, milliseconds{0}, look_anyway);
    if (::poll(fds.data(), fds.size(), static_cast<int>(wait.count())) < 0 && errno != EINTR) {
        throw Error::from_errno(Errc::io, errno, "waiting for domain %u", domid_).with_call("poll");
    }
    toolstack_.store().drain_watches();
    return fds[1].revents == 0;
}

template <typename Done>
bool SuspendAttempt::wait_until(Clock::time_point deadline, Done&& done)
{
    while (!done()) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return false;
        }
        if (!wait_for_event(left)) {
            is_interrupted_ = true;
            return false;
        }
    }
    return true;
}

void SuspendAttempt::run()
{
    write_request();
    if (!wait_until(Clock::now() + options_.acknowledge_within,
                    [&] { return is_acknowledged(); }) &&
        withdraw()) {
        if (is_interrupted_) {
            throw Error{Errc::cancelled, "stopped on request"};
        }
        throw Error{
            Errc::guest,
            "domain %u did not acknowledge the suspend request within %g s, and the request "
            "is withdrawn",
            domid_, seconds(options_.acknowledge_within)};
    }
    // An acknowledged request cannot be taken back: even when interrupted, wait, so that whoever
    // called can resume the guest.
    interrupt_fd_ = -1;
    if (!wait_until(Clock::now() + options_.suspend_within, [&] { return has_suspended(); })) {
        throw Error{
            Errc::guest,
            "domain %u acknowledged the suspend request but did not suspend within %g s (it still "
            "may: xsr list then shows it as suspended, and xsr resume %u lets it go on)",
            domid_, seconds(options_.suspend_within), domid_};
    }
}

}  // namespace

void check_can_be_saved(const NamedDomain& domain)
{
    const DomainState& state = domain.state;
    const std::string label = label_of(domain);
    if (state.id == 0) {
        throw Error{Errc::guest, "domain 0 is the host itself and cannot be saved"};
    }
    if (domain.is_incomplete) {
        throw Error{Errc::guest, "%s is incomplete: its restore goes on or was cut off",
                    label.c_str()};
    }
    if (state.is_dying) {
        throw Error{Errc::guest, "%s is dying", label.c_str()};
    }
    if (state.shutdown == ShutdownReason::crash) {
        throw Error{Errc::guest, "%s has crashed: there is nothing to go on with", label.c_str()};
    }
    if (state.shutdown && !state.is_suspended()) {
        throw Error{Errc::guest, "%s has shut down", label.c_str()};
    }
    if (!state.shutdown && state.is_paused) {
        throw Error{Errc::guest,
                    "%s is paused, and a paused guest cannot suspend itself: unpause it "
                    "first (xsr resume %u)",
                    label.c_str(), state.id};
    }
}

void suspend_domain(Toolstack& toolstack, DomId domid, const SuspendOptions& options)
{
    SuspendAttempt{toolstack, domid, options}.run();
}

}  // namespace sr
