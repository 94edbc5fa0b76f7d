// SPDX-License-Identifier: LGPL-2.1-or-later
// The one exception of libsr: what failed, where in the stream, for which pfn, in which call.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace sr {

/// Why a save, restore or look at a stream failed. Mirrors enum sr_error_class of sr.h.
enum class Errc {
    malformed,    ///< the stream breaks its specification, or asks for the impossible
    unsupported,  ///< correct, but not something this build or this host can do
    limit,        ///< a bound was passed: a length, a count, a frame number
    guest,        ///< the guest is in a state that cannot be saved, or did not do as asked
    mismatch,     ///< stream and destination do not fit each other
    hypervisor,  ///< a hypercall or a foreign mapping failed, or the host or domain may have no more memory
    io,          ///< reading or writing a descriptor failed, or the stream ended early
    cancelled,  ///< the caller asked to stop
    callback,   ///< an operation of the caller answered "failed" or "abort"
    usage,      ///< the caller's arguments make no sense
    internal,   ///< a bug in libsr
};

/// "malformed", "io", …: the word that messages and JSON use.
[[nodiscard]] const char* to_string(Errc code) noexcept;

/// Where in a stream something stands.
struct StreamPlace {
    std::uint64_t record = 0;  ///< records before it, from 0; headers are not counted
    std::uint32_t type = 0;    ///< its record type
    std::uint64_t offset = 0;  ///< octets of the libxc stream before its head
};

/// A failed save, restore or verification. Built where the failure is seen; context (place, pfn,
/// call) is added there or on the way up, each at most once: the innermost wins.
class Error : public std::exception {
public:
    /// @param format printf-like; one sentence without a full stop, naming values
    Error(Errc code, const char* format, ...) noexcept __attribute__((format(printf, 3, 4)));

    /// A call that failed with errno value `errnum`: the message ends in ": strerror".
    [[nodiscard]] static Error from_errno(Errc code, int errnum, const char* format, ...) noexcept
        __attribute__((format(printf, 3, 4)));

    /// The hypercall or library call that failed, by its name: "XENMEM_populate_physmap".
    Error& with_call(std::string name) &;
    [[nodiscard]] Error&& with_call(std::string name) &&;
    /// The frame in question, if it is not yet known.
    Error& with_pfn(std::uint64_t pfn) &;
    [[nodiscard]] Error&& with_pfn(std::uint64_t pfn) &&;
    /// Adds the record: "record 17 PAGE_DATA at offset 0x2a40: …". Keeps an earlier place.
    Error& with_place(const StreamPlace& place, const char* type_name) &;
    /// Puts more words in front of the message, such as a file's name.
    Error& with_prefix(const std::string& words) &;
    /// Leaves the place to the message alone: for records that are not libxc's.
    Error& without_place() & noexcept;

    /// Adds what follows from it to the sentence: "…; text".
    Error& with_consequence(const char* format, ...) & __attribute__((format(printf, 2, 3)));

    [[nodiscard]] Errc code() const noexcept { return code_; }
    [[nodiscard]] int errnum() const noexcept { return errnum_; }  ///< errno, or 0
    [[nodiscard]] const std::string& call() const noexcept { return call_; }
    [[nodiscard]] std::optional<std::uint64_t> pfn() const noexcept { return pfn_; }
    [[nodiscard]] const std::optional<StreamPlace>& place() const noexcept { return place_; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
    /// The errno a C caller sees: errnum() if there is one, else one that suits code().
    [[nodiscard]] int to_errno() const noexcept;

private:
    Errc code_;
    int errnum_ = 0;
    std::string message_;
    std::string call_;
    std::optional<std::uint64_t> pfn_;
    std::optional<StreamPlace> place_;
};

}  // namespace sr
