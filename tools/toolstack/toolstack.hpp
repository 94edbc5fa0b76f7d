// SPDX-License-Identifier: LGPL-2.1-or-later
// The domains of this host by name, and what a save or restore does with them before and after.
#pragma once

#include "tools/toolstack/control.hpp"
#include "tools/toolstack/xenstore.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sr {

struct NamedDomain {
    DomainState state;
    std::string name;            ///< empty if xenstore knows none
    bool is_incomplete = false;  ///< a restore into it has not ended yet, or was cut off
    std::optional<int> saver{};  ///< the process that is saving it
};

/// "running", "paused", "suspended", "being saved", "incomplete", "shut down", "crashed" or "dying".
[[nodiscard]] const char* word_for(const NamedDomain& domain) noexcept;

/// "domain 3 (web)", or "domain 3" if it has no name.
[[nodiscard]] std::string label_of(const NamedDomain& domain);

class Toolstack {
public:
    Toolstack() = default;  ///< @throws Error{hypervisor} if there is no hypervisor or no xenstored

    [[nodiscard]] const Control& control() const noexcept { return control_; }
    [[nodiscard]] Xenstore& store() noexcept { return store_; }

    /// A domain by its number or, if there is none of that number, by its name.
    /// @throws Error{usage} if it is the number of one and the name of another
    [[nodiscard]] std::optional<NamedDomain> find(std::string_view name_or_id);
    /// By its name only: among all domains, and then by what xenstore says, since a list that fails midway ends early.
    [[nodiscard]] std::optional<NamedDomain> find_by_name(std::string_view name);
    [[nodiscard]] std::vector<NamedDomain> list();
    [[nodiscard]] std::string name_of(DomId domid);

    /// The configuration to make the same domain again from, without devices.
    [[nodiscard]] DomainConfig config_of(const NamedDomain& domain);
    /// The same as libxl's JSON: that of a domain libxl made with its devices, so that xl can restore it.
    [[nodiscard]] std::string config_text_of(const NamedDomain& domain);

    /// After a save that keeps the domain, or a failed one: the suspended guest goes on, and
    /// xenstored learns of it, so that it tells of the next suspend too.
    void resume(DomId domid);
    /// Destroys the domain and removes what xenstore holds of it.
    void destroy(DomId domid);

private:
    [[nodiscard]] std::optional<NamedDomain> find_in_store(std::string_view name);
    [[nodiscard]] NamedDomain named(const DomainState& state);
    void forget(DomId domid);

    Control control_;
    Xenstore store_;
};

}  // namespace sr
