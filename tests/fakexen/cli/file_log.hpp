// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a host's messages go: HOST/log, or the terminal.
#pragma once

#include "libsr/base/log.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace fakexen::cli {

class FileLog final : public sr::Logger {
public:
    /// @throws Error{io} if the file cannot be written
    explicit FileLog(const std::string& path);
    void write(sr::LogLevel level, const char* message) noexcept override;

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
};

class StderrLog final : public sr::Logger {
public:
    void write(sr::LogLevel level, const char* message) noexcept override;
};

}  // namespace fakexen::cli
