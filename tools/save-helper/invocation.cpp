// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers in decimal, in the order that libxl gives them.
#include "tools/save-helper/invocation.hpp"

#include "libsr/base/error.hpp"

#include <charconv>
#include <cstring>
#include <string_view>

namespace sr {
namespace {

constexpr const char* save_mode = "--save-domain";
constexpr const char* restore_mode = "--restore-domain";

/// Takes the arguments after the mode one after the other.
class Arguments {
public:
    Arguments(const char* mode, std::span<const char* const> left) : mode_{mode}, left_{left} {}

    template <typename T>
    [[nodiscard]] T next(const char* name)
    {
        if (left_.empty()) {
            throw Error{Errc::usage, "%s: %s is missing", mode_, name};
        }
        const std::string_view text = left_.front();
        left_ = left_.subspan(1);
        T value{};
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failed != std::errc{} || end != text.data() + text.size()) {
            throw Error{Errc::usage, "%s: %s '%s' is not a number that fits", mode_, name,
                        text.data()};
        }
        return value;
    }

    void expect_end() const
    {
        if (!left_.empty()) {
            throw Error{Errc::usage, "%s: nothing is known of a further argument '%s'", mode_,
                        left_.front()};
        }
    }

private:
    const char* mode_;
    std::span<const char* const> left_;
};

}  // namespace

Invocation parse_invocation(std::span<const char* const> arguments)
{
    const char* const mode = arguments.empty() ? "" : arguments.front();
    Invocation asked;
    asked.is_restore = std::strcmp(mode, restore_mode) == 0;
    if (!asked.is_restore && std::strcmp(mode, save_mode) != 0) {
        throw Error{Errc::usage, "%s%s libxl starts this with %s or %s, and what follows",
                    mode,        *mode == '\0' ? "nothing to do:" : ": no such mode:",
                    save_mode,   restore_mode};
    }
    Arguments left{mode, arguments.subspan(1)};
    asked.io_fd = left.next<int>("the stream's descriptor");
    asked.back_channel_fd = left.next<int>("the back channel's descriptor");
    asked.domid = left.next<std::uint32_t>("the domain's number");
    if (asked.is_restore) {
        asked.store_evtchn = left.next<std::uint32_t>("xenstore's event channel");
        asked.store_domid = left.next<std::uint32_t>("xenstore's domain");
        asked.console_evtchn = left.next<std::uint32_t>("the console's event channel");
        asked.console_domid = left.next<std::uint32_t>("the console's domain");
    } else {
        asked.save_flags = left.next<std::uint32_t>("flags");
    }
    asked.callbacks = left.next<std::uint32_t>("flags of callbacks");
    asked.stream_type = left.next<std::uint32_t>("the stream's type");
    left.expect_end();
    return asked;
}

}  // namespace sr
