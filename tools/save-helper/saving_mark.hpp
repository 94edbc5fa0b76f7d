// SPDX-License-Identifier: LGPL-2.1-or-later
// The word in xenstore that a helper saves a domain, so that xsr lets that domain be.
#pragma once

#include "tools/save-helper/relay.hpp"
#include "tools/toolstack/saver_mark.hpp"

#include <memory>

namespace sr {

/// The domain is being saved by this process, for as long as this lives.
class SavingMark {
public:
    explicit SavingMark(DomId domid) : mark_{store_, domid} {}  ///< @throws as SaverMark does

private:
    Xenstore store_;
    SaverMark mark_;
};

/// Marks a PV domain; none for one of another kind, which another helper may be about to save. Where xenstore does not
/// take the mark the save goes on without it, with a warning: libxl itself keeps two of its own apart.
/// @throws Error{guest} if another process saves the domain; Error{hypervisor}
[[nodiscard]] std::unique_ptr<SavingMark> mark_as_saved(DomId domid, Relay& relay);

}  // namespace sr
