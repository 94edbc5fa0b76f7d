// SPDX-License-Identifier: LGPL-2.1-or-later
// The file that a save writes: under its own name only once it is complete.
#pragma once

#include "libsr/base/cancel.hpp"
#include "libsr/base/fd.hpp"

#include <cstdint>
#include <string>

namespace sr {

/// A regular file is written as FILE.partial, readable by its owner alone, locked, and renamed by
/// publish(); without that it is removed. Anything else (a pipe, a device, "-") is written in place.
class OutputFile {
public:
    /// @throws Error{io}; Error{usage} if FILE exists and may not be replaced, or "-" is a terminal
    OutputFile(std::string path, bool may_replace);
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    ~OutputFile();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool is_stdout() const noexcept { return path_ == "-"; }

    /// @throws Error{io} if the file system has less room than that
    void check_room(std::uint64_t octets) const;
    /// Flushes a regular file to disk, standard output too. @throws Error{io}; Error{cancelled} if that was asked for
    /// meanwhile
    void sync(const CancelToken& cancel);
    /// Gives the file its name. @throws Error{io}
    void publish();

private:
    void open_in_place();
    void open_partial(bool may_replace);
    void lock(const std::string& partial, bool is_new) const;
    [[nodiscard]] bool is_named(const std::string& partial) const;
    [[nodiscard]] bool is_regular() const;
    void sync_directory() const;

    std::string path_;
    std::string partial_path_;  ///< empty: written in place
    Fd fd_;
};

}  // namespace sr
