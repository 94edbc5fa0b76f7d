// SPDX-License-Identifier: LGPL-2.1-or-later
// Packing messages: no alignment, strings with their length and a NUL.
#include "tools/save-helper/messages.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace sr {
namespace {

using Length = std::uint16_t;

/// Text of one string at most: two of them and a few numbers fit a message.
constexpr std::size_t longest_text = std::numeric_limits<Length>::max() / 2 - 64;

class Packer {
public:
    explicit Packer(HelperMessage type) : octets_(sizeof(Length))
    {
        number(static_cast<std::uint16_t>(type));
    }

    template <typename T>
    Packer& number(T value)
    {
        static_assert(std::is_integral_v<T>);
        append(&value, sizeof(value));
        return *this;
    }

    Packer& text(std::string_view text)
    {
        const std::string_view head = text.substr(0, longest_text);
        number(static_cast<std::uint32_t>(head.size() + 1));
        append(head.data(), head.size());
        octets_.push_back(std::byte{0});
        return *this;
    }

    [[nodiscard]] Octets finish()
    {
        const auto length = static_cast<Length>(octets_.size() - sizeof(Length));
        std::memcpy(octets_.data(), &length, sizeof(length));
        return std::move(octets_);
    }

private:
    void append(const void* from, std::size_t n)
    {
        const auto* const octets = static_cast<const std::byte*>(from);
        octets_.insert(octets_.end(), octets, octets + n);
    }

    Octets octets_;
};

}  // namespace

Octets log_message(XtlLevel level, std::uint32_t errnum, std::string_view context,
                   std::string_view text)
{
    return Packer{HelperMessage::log}
        .number(static_cast<std::uint32_t>(level))
        .number(errnum)
        .text(context)
        .text(text)
        .finish();
}

Octets progress_message(std::string_view context, std::string_view doing, std::uint64_t done,
                        std::uint64_t total)
{
    return Packer{HelperMessage::progress}
        .text(context)
        .text(doing)
        .number(done)
        .number(total)
        .finish();
}

Octets bare_message(HelperMessage type)
{
    return Packer{type}.finish();
}

Octets switch_qemu_logdirty_message(std::uint32_t domid, bool enable)
{
    return Packer{HelperMessage::switch_qemu_logdirty}
        .number(domid)
        .number(std::uint32_t{enable})
        .finish();
}

Octets static_data_done_message(std::uint32_t missing)
{
    return Packer{HelperMessage::static_data_done}.number(missing).finish();
}

Octets restore_results_message(std::uint64_t store_gfn, std::uint64_t console_gfn)
{
    return Packer{HelperMessage::restore_results}.number(store_gfn).number(console_gfn).finish();
}

Octets complete_message(int result, int errnum)
{
    return Packer{HelperMessage::complete}.number(result).number(errnum).finish();
}

}  // namespace sr
