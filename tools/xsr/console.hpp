// SPDX-License-Identifier: LGPL-2.1-or-later
// What xsr says: results on standard output, progress and failures on standard error.
#pragma once

#include "tools/xsr/exit_codes.hpp"
#include "tools/xsr/json.hpp"

#include <optional>
#include <string>

namespace sr {

enum class ProgressMode { automatic, bar, json, none };

/// Options that every verb takes.
struct CommonOptions {
    bool is_json = false;  ///< results, and failures, as JSON
    ProgressMode progress = ProgressMode::automatic;
    bool is_verbose = false;
};

/// A failure as it is reported: one sentence, and its parts for programs.
struct Failure {
    ExitCode exit_code = ExitCode::internal;
    std::string error_class;
    std::string message;
    std::string consequence;  ///< who holds the guest now, what is left behind; may be empty
    Json details = Json::object();
};

[[nodiscard]] Failure failure_of(const Error& error);
[[nodiscard]] Failure failure_of(const sr_error& error);
[[nodiscard]] Failure no_such_domain(const std::string& name);

class Console {
public:
    explicit Console(std::string verb) : verb_{std::move(verb)} {}
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;
    ~Console() = default;

    [[nodiscard]] CommonOptions& options() noexcept { return options_; }
    [[nodiscard]] const std::string& verb() const noexcept { return verb_; }

    /// The mode in force: `automatic` resolved to a bar on a terminal, JSON lines elsewhere.
    [[nodiscard]] ProgressMode progress_mode() const;
    [[nodiscard]] bool stdout_is_terminal() const;

    /// A JSON document on standard output.
    void result(const Json& document);
    /// Plain text on standard output, as it is.
    void print(const std::string& text);
    /// A JSON line on standard error.
    void event(const Json& line);
    /// A sentence on standard error, or an event if progress is JSON.
    void note(const std::string& text);
    void warn(const std::string& text);
    /// Reports the failure and returns its exit code.
    ExitCode fail(const Failure& failure);

    /// A line that is overwritten by the next, or erased before anything else is said.
    void draw(const std::string& line);
    void erase_drawn();

    /// False if standard output took less than it was given, which is then forgotten.
    [[nodiscard]] bool try_flush();
    /// @throws Error{io} if standard output took less than it was given (a full disk)
    void flush();

private:
    void say(const char* kind, const std::string& text);

    std::string verb_;
    CommonOptions options_;
    bool has_drawn_ = false;
};

}  // namespace sr
