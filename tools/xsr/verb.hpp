// SPDX-License-Identifier: LGPL-2.1-or-later
// A verb of xsr: its options, and what it does with them.
#pragma once

#include "tools/xsr/console.hpp"
#include "tools/xsr/exit_codes.hpp"

#include <memory>

namespace CLI {  // NOLINT(readability-identifier-naming): that of CLI11
class App;
}

namespace sr {

class Verb {
public:
    Verb() = default;
    Verb(const Verb&) = delete;
    Verb& operator=(const Verb&) = delete;
    virtual ~Verb() = default;

    /// Adds options and arguments, which live in this object.
    virtual void define(CLI::App& command) = 0;
    /// Does it. Failures are thrown as Error, or reported here and returned as their code.
    [[nodiscard]] virtual ExitCode run(Console& console) = 0;
    /// The status of a failure that was thrown; diff has its own.
    [[nodiscard]] virtual ExitCode trouble(ExitCode code) const noexcept { return code; }
};

[[nodiscard]] std::unique_ptr<Verb> make_save();
[[nodiscard]] std::unique_ptr<Verb> make_restore();
[[nodiscard]] std::unique_ptr<Verb> make_list();
[[nodiscard]] std::unique_ptr<Verb> make_resume();
[[nodiscard]] std::unique_ptr<Verb> make_destroy();
[[nodiscard]] std::unique_ptr<Verb> make_info();
[[nodiscard]] std::unique_ptr<Verb> make_verify();
[[nodiscard]] std::unique_ptr<Verb> make_show();
[[nodiscard]] std::unique_ptr<Verb> make_diff();
[[nodiscard]] std::unique_ptr<Verb> make_grants();

}  // namespace sr
