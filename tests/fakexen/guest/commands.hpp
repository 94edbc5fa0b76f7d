// SPDX-License-Identifier: LGPL-2.1-or-later
// What fakexen-guest can do to a guest from dom0: the steps of a toolstack, one by one, for tests.
#pragma once

#include "tests/fakexen/guest/toolstack.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace fakexen::guest {

/// What a guest tells about itself.
struct Status {
    std::string count;
    std::string state;
    std::string verdict;
    std::string
        fingerprint;  ///< when it last suspended: equal for two guests that lived the same life

    /// No verdict, or a bad one.
    [[nodiscard]] bool is_bad() const;
};

[[nodiscard]] Status status_of(const Toolstack& toolstack, std::uint32_t domid);

/// What a guest tells about its grants and what it maps of others.
[[nodiscard]] std::string grants_of(const Toolstack& toolstack, std::uint32_t domid);

/// Tells a guest through xenstore to "suspend", "poweroff", "reboot" or "crash", as a toolstack does; or to switch to
/// "grants-v1" or "grants-v2".
void give_order(const Toolstack& toolstack, std::uint32_t domid, const std::string& order);

/// Waits until the domain has suspended. @throws std::runtime_error when it does not, or shuts down otherwise
void await_suspend(const Toolstack& toolstack, std::uint32_t domid, std::chrono::seconds patience);

/// Lets a suspended domain go on where it is, as after a failed migration.
/// @param cooperative  the guest is told that the suspend was cancelled; else it must believe it was restored
/// @param tell_xenstored  as a toolstack should: without it the next suspend goes unnoticed
void resume_domain(const Toolstack& toolstack, std::uint32_t domid, bool cooperative,
                   bool tell_xenstored);

/// Ends a domain and removes it from xenstore.
void destroy_domain(const Toolstack& toolstack, std::uint32_t domid);

}  // namespace fakexen::guest
