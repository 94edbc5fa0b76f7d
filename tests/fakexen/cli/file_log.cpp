// SPDX-License-Identifier: LGPL-2.1-or-later
// Log lines: level and message.
#include "tests/fakexen/cli/file_log.hpp"

#include "libsr/base/error.hpp"

#include <cerrno>

namespace fakexen::cli {
namespace {

void write_line(std::FILE* to, sr::LogLevel level, const char* message)
{
    static constexpr const char* names[] = {"debug", "verbose", "info", "warning", "error"};
    (void)std::fprintf(to, "%s: %s\n", names[static_cast<int>(level)], message);
    (void)std::fflush(to);
}

}  // namespace

FileLog::FileLog(const std::string& path) : file_{std::fopen(path.c_str(), "we")}
{
    if (!file_) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "%s", path.c_str());
    }
}

void FileLog::write(sr::LogLevel level, const char* message) noexcept
{
    write_line(file_.get(), level, message);
}

void StderrLog::write(sr::LogLevel level, const char* message) noexcept
{
    write_line(stderr, level, message);
}

}  // namespace fakexen::cli
