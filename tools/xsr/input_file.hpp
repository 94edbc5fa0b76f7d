// SPDX-License-Identifier: LGPL-2.1-or-later
// A saved file to read: by name, or standard input.
#pragma once

#include "libsr/base/error.hpp"
#include "libsr/base/fd.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sr {

/// The same error, with the file's name in front.
[[nodiscard]] Error in_file(const Error& error, const std::string& file_name);

class InputFile {
public:
    /// @param path  "-" is standard input. @throws Error{io}; Error{usage} if that is a terminal
    explicit InputFile(std::string path);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// "web.xl", "standard input": for messages
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Octets, if it is a regular file.
    [[nodiscard]] std::optional<std::uint64_t> size() const noexcept { return size_; }

    /// The first 8 octets, which stay to be read. Fewer: the file ends early; the rest is zero.
    /// @throws Error{io} where a descriptor cannot be looked into without reading from it
    [[nodiscard]] std::array<std::byte, 8> peek() const;

    /// Makes a regular file of it, to read from anywhere and again: what is not one is copied to an
    /// unlinked temporary file. @throws Error{io}
    void make_seekable();

private:
    Fd fd_;
    std::string name_;
    std::optional<std::uint64_t> size_;
};

}  // namespace sr
