// SPDX-License-Identifier: LGPL-2.1-or-later
// The type that a stream gave each page last, in bounded memory.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/base/sparse_array.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/wire/limits.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace sr {

/// What every page was last said to be. Pfns are up to limits::pfn_max.
class PageTypes {
public:
    /// @param max_octets  memory to use; past it pages are no longer taken, and complete() says so
    explicit PageTypes(std::size_t max_octets) : types_{limits::pfn_max, none, max_octets} {}

    /// @return what the page was before, if it was listed before
    std::optional<PageType> set(Pfn pfn, PageType type)
    {
        const std::optional<PageType> before = find(pfn);
        if (before == type) {
            return before;
        }
        try {
            types_.set(pfn.number(), static_cast<std::uint8_t>(to_wire(type)));
        } catch (const Error&) {
            complete_ = false;  // of the class only this: max_octets is reached
            return before;
        }
        if (before) {
            --counts_[to_wire(*before)];
        }
        ++counts_[to_wire(type)];
        return before;
    }

    [[nodiscard]] std::optional<PageType> find(Pfn pfn) const noexcept
    {
        const std::uint8_t type = types_.find(pfn.number());
        return type == none ? std::nullopt : page_type_from_wire(type);
    }

    /// Pages of each type, by wire value.
    [[nodiscard]] const std::array<std::uint64_t, 16>& counts() const noexcept { return counts_; }
    /// False if pages were left out for want of memory.
    [[nodiscard]] bool complete() const noexcept { return complete_; }

private:
    static constexpr std::uint8_t none = 0xff;

    SparseArray<std::uint8_t> types_;
    std::array<std::uint64_t, 16> counts_{};
    bool complete_ = true;
};

}  // namespace sr
