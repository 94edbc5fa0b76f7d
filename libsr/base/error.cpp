// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages and errno values of sr::Error.
#include "libsr/base/error.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <new>
#include <system_error>
#include <utility>

namespace sr {
namespace {

/// What a message says that there is no memory for. Short enough for a string to hold within itself.
constexpr const char* no_memory = "out of memory";

__attribute__((format(printf, 1, 0))) std::string format_message(const char* format,
                                                                 std::va_list args) noexcept
{
    std::va_list again;
    va_copy(again, args);
    std::string text;
    try {
        const int length = std::vsnprintf(nullptr, 0, format, args);
        text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
        (void)std::vsnprintf(text.data(), text.size() + 1, format, again);
    } catch (const std::bad_alloc&) {
        text = no_memory;
    }
    va_end(again);
    return text;
}

}  // namespace

const char* to_string(Errc code) noexcept
{
    switch (code) {
    case Errc::malformed:
        return "malformed";
    case Errc::unsupported:
        return "unsupported";
    case Errc::limit:
        return "limit";
    case Errc::guest:
        return "guest";
    case Errc::mismatch:
        return "mismatch";
    case Errc::hypervisor:
        return "hypervisor";
    case Errc::io:
        return "io";
    case Errc::cancelled:
        return "cancelled";
    case Errc::callback:
        return "callback";
    case Errc::usage:
        return "usage";
    case Errc::internal:
        return "internal";
    }
    return "internal";
}

Error::Error(Errc code, const char* format, ...) noexcept : code_{code}
{
    std::va_list args;
    va_start(args, format);
    message_ = format_message(format, args);
    va_end(args);
}

Error Error::from_errno(Errc code, int errnum, const char* format, ...) noexcept
{
    Error error{code, "%s", ""};
    std::va_list args;
    va_start(args, format);
    error.message_ = format_message(format, args);
    va_end(args);
    try {
        error.message_ += ": " + std::system_category().message(errnum);
    } catch (const std::bad_alloc&) {
        error.message_ = no_memory;  // the errno is there
    }
    error.errnum_ = errnum;
    return error;
}

Error& Error::with_call(std::string name) &
{
    if (call_.empty()) {
        call_ = std::move(name);
    }
    return *this;
}

Error&& Error::with_call(std::string name) &&
{
    return std::move(with_call(std::move(name)));
}

Error& Error::with_pfn(std::uint64_t pfn) &
{
    if (!pfn_) {
        pfn_ = pfn;
    }
    return *this;
}

Error&& Error::with_pfn(std::uint64_t pfn) &&
{
    return std::move(with_pfn(pfn));
}

Error& Error::with_place(const StreamPlace& place, const char* type_name) &
{
    if (!place_) {
        place_ = place;
        const Error where{Errc::internal, "record %" PRIu64 " %s at offset %#" PRIx64 ": ",
                          place.record, type_name, place.offset};
        message_.insert(0, where.message_);
    }
    return *this;
}

Error& Error::with_prefix(const std::string& words) &
{
    message_.insert(0, words);
    return *this;
}

Error& Error::without_place() & noexcept
{
    place_.reset();
    return *this;
}

Error& Error::with_consequence(const char* format, ...) &
{
    std::va_list args;
    va_start(args, format);
    const std::string text = format_message(format, args);
    va_end(args);
    message_ += "; " + text;
    return *this;
}

int Error::to_errno() const noexcept
{
    if (errnum_ != 0) {
        return errnum_;
    }
    switch (code_) {
    case Errc::malformed:
    case Errc::usage:
        return EINVAL;
    case Errc::unsupported:
        return EOPNOTSUPP;
    case Errc::limit:
        return ERANGE;
    case Errc::guest:
        return EBUSY;
    case Errc::mismatch:
        return ENOEXEC;
    case Errc::cancelled:
        return ECANCELED;
    case Errc::callback:
        return ECONNABORTED;
    case Errc::hypervisor:
    case Errc::io:
    case Errc::internal:
        return EIO;
    }
    return EIO;
}

}  // namespace sr
