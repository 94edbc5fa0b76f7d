// SPDX-License-Identifier: LGPL-2.1-or-later
// printf formatting in front of Logger::write.
#include "libsr/base/log.hpp"

#include <array>
#include <cstdio>

namespace sr {

void Logger::write_formatted(LogLevel level, const char* format, std::va_list args) noexcept
{
    std::array<char, 1024> text{};  // a longer message is cut
    (void)std::vsnprintf(text.data(), text.size(), format, args);
    write(level, text.data());
}

// One body for five names: the names are what callers read, the level is a detail.
#define SR_LOG_METHOD(name)                                                                        \
    void Logger::name(const char* format, ...)                                                     \
    {                                                                                              \
        std::va_list args;                                                                         \
        va_start(args, format);                                                                    \
        write_formatted(LogLevel::name, format, args);                                             \
        va_end(args);                                                                              \
    }
SR_LOG_METHOD(debug)
SR_LOG_METHOD(verbose)
SR_LOG_METHOD(info)
SR_LOG_METHOD(warning)
SR_LOG_METHOD(error)
#undef SR_LOG_METHOD

}  // namespace sr
