// SPDX-License-Identifier: LGPL-2.1-or-later
// Which process is saving a domain, for everybody to see in xenstore.
#pragma once

#include "tools/toolstack/toolstack.hpp"

#include <string>

namespace sr {

/// The process that is saving the domain; none if nobody is, or whoever was has been killed.
[[nodiscard]] std::optional<int> saver_of(const StoreView& store, DomId domid);

/// @throws Error{guest} naming the process if the domain is being saved
void check_not_being_saved(const NamedDomain& domain);

/// Says that this process is saving the domain, for as long as this lives.
class SaverMark {
public:
    /// @throws Error{guest} if another process is saving it; Error{hypervisor}
    SaverMark(Xenstore& store, DomId domid);
    SaverMark(const SaverMark&) = delete;
    SaverMark& operator=(const SaverMark&) = delete;
    ~SaverMark();

private:
    Xenstore& store_;
    DomId domid_;
    std::string mark_;  ///< "PID START"
};

}  // namespace sr
