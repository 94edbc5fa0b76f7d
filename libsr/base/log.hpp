// SPDX-License-Identifier: LGPL-2.1-or-later
// Where messages go: passed down by whoever owns the terminal, never global.
#pragma once

#include <cstdarg>
#include <cstdint>

namespace sr {

enum class LogLevel : std::uint8_t { debug, verbose, info, warning, error };

/// Takes whole messages, one sentence each, without a newline. Called on the thread of the caller
/// of the engine.
class Logger {
public:
    Logger() = default;
    Logger(const Logger&) = delete;
    Logger& operator=(const Logger&) = delete;
    virtual ~Logger() = default;

    void debug(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void verbose(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void info(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void warning(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void error(const char* format, ...) __attribute__((format(printf, 2, 3)));

    virtual void write(LogLevel level, const char* message) noexcept = 0;

private:
    void write_formatted(LogLevel level, const char* format, std::va_list args) noexcept
        __attribute__((format(printf, 3, 0)));
};

/// Drops everything.
class NullLogger final : public Logger {
public:
    void write(LogLevel, const char*) noexcept override {}
};

}  // namespace sr
