// SPDX-License-Identifier: LGPL-2.1-or-later
// One thing that is wrong with a stream, and the list of them.
#pragma once

#include "libsr/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sr {

/// What sort of thing is wrong.
enum class FindingKind : std::uint8_t {
    framing,      ///< the stream ends early, or cannot be read on from here
    malformed,    ///< a header or a record's body breaks its layout or has a field out of range
    order,        ///< a record is out of place
    reserved,     ///< a reserved field is not zero
    padding,      ///< padding is not zero
    unknown,      ///< a record of a type that the specification does not name
    semantic,     ///< well-formed, but it does not make sense together
    trailing,     ///< octets after the end
    unsupported,  ///< not what is read here: another format, a legacy image, a version to come
};

/// "framing", "malformed", …
[[nodiscard]] const char* to_string(FindingKind kind) noexcept;

enum class Severity : std::uint8_t {
    deviation,  ///< a restore lets it pass, but it is wrong
    error,      ///< a restore refuses the stream
};

/// "deviation", "error".
[[nodiscard]] const char* to_string(Severity severity) noexcept;

struct Finding {
    FindingKind kind;
    Severity severity;
    std::optional<StreamPlace>
        place;             ///< the record; none for headers and what lies around the libxc stream
    std::string sentence;  ///< without the place
};

/// Findings in the order of the stream. Keeps a bounded number and counts all.
class Findings {
public:
    /// @param most  findings to keep
    explicit Findings(std::size_t most) noexcept : most_{most} {}

    /// The record that findings belong to from here on; none outside records.
    void set_place(std::optional<StreamPlace> place) noexcept { place_ = place; }

    /// @param format  printf-like, one sentence without a full stop
    void deviation(FindingKind kind, const char* format, ...) __attribute__((format(printf, 3, 4)));
    void error(FindingKind kind, const char* format, ...) __attribute__((format(printf, 3, 4)));
    /// An Error that a decoder threw, without the place in its message.
    void error(FindingKind kind, const Error& e);

    [[nodiscard]] std::uint64_t nr_errors() const noexcept { return nr_errors_; }
    [[nodiscard]] std::uint64_t nr_deviations() const noexcept { return nr_deviations_; }
    [[nodiscard]] const std::vector<Finding>& kept() const noexcept { return kept_; }

private:
    void add(FindingKind kind, Severity severity, std::string sentence);

    std::size_t most_;
    std::optional<StreamPlace> place_;
    std::uint64_t nr_errors_ = 0;
    std::uint64_t nr_deviations_ = 0;
    std::vector<Finding> kept_;
};

}  // namespace sr
