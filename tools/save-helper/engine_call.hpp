// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_save() and sr_restore() with libxl behind their operations.
#pragma once

#include "sr.h"
#include "tools/save-helper/invocation.hpp"
#include "tools/save-helper/relay.hpp"
#include "tools/save-helper/settings.hpp"

namespace sr {

/// What operations of sr.h find behind their `user`.
struct EngineCall {
    const Invocation& asked;
    const Settings& settings;
    sr_job* job = nullptr;
    LibxlLink& libxl;
    Relay& relay;
    bool has_asked_libxl = false;  ///< an operation other than the log was called
    sr_restore_results results{};  ///< of a restore
};

/// Both return what sr_save and sr_restore return, with *error filled in and errno set on failure.
[[nodiscard]] int save(sr_host* host, EngineCall& call, sr_error& error);
[[nodiscard]] int restore(sr_host* host, EngineCall& call, sr_error& error);

/// Whether a live save goes on for another round. Thresholds that are not set are the stock engine's.
[[nodiscard]] sr_precopy_decision decide_precopy(const sr_precopy_stats& stats,
                                                 const Settings& settings) noexcept;

}  // namespace sr
