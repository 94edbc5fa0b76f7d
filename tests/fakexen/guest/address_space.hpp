// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPU's view of guest memory: virtual addresses through the page tables in machine memory, and
// nothing else.
#pragma once

#include "tests/fakexen/guest/machine.hpp"

#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

namespace fakexen::guest {

/// A page fault that nobody handles: the guest crashes.
class PageFault : public std::exception {
public:
    PageFault(Va va, const std::string& why);
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

enum class Access : bool { read, write };

/// Reads the tables anew for every access, as a CPU without a TLB would.
class AddressSpace {
public:
    AddressSpace(const Machine& machine, const Abi& abi, Mfn top_table)
        : machine_{machine}, abi_{abi}, top_{top_table}
    {
    }

    struct Mapping {
        Mfn mfn = 0;
        std::uint64_t flags = 0;  ///< of the leaf entry
        bool writable = false;    ///< at every level
        Mfn leaf_table = 0;
    };

    /// Where va is mapped, if it is.
    [[nodiscard]] std::optional<Mapping> find(Va va) const;
    /// The table of a level that translates va.
    [[nodiscard]] std::optional<Mfn> table_of(Va va, unsigned level) const;

    /// The octets from va to the end of its page. @throws PageFault
    [[nodiscard]] std::span<std::byte> reach(Va va, Access access) const;
    /// The page that va is in. @throws PageFault
    [[nodiscard]] std::span<std::byte, page_size> page(Va va, Access access) const;

    /// A value that lies within one page. @throws PageFault
    template <typename T>
    [[nodiscard]] T load(Va va) const
    {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        std::memcpy(&value, reach(va, Access::read).first(sizeof(T)).data(), sizeof(T));
        return value;
    }
    /// A number of 4 or 8 octets that lies within one page. @throws PageFault
    [[nodiscard]] std::uint64_t load_number(Va va, std::size_t width) const;
    /// The same; what does not fit is cut off, as a CPU of that width would.
    void store_number(Va va, std::size_t width, std::uint64_t value) const;

    template <typename T>
    void store(Va va, const T& value) const
    {
        static_assert(std::is_trivially_copyable_v<T>);
        std::memcpy(reach(va, Access::write).first(sizeof(T)).data(), &value, sizeof(T));
    }

    /// The same in place, for what others change as we look: to be written, and within one page. @throws PageFault
    template <typename T>
    [[nodiscard]] T& object(Va va) const
    {
        static_assert(std::is_trivially_copyable_v<T>);
        void* const at = reach(va, Access::write).first(sizeof(T)).data();
        return *static_cast<T*>(at);
    }

    [[nodiscard]] const Abi& abi() const noexcept { return abi_; }

private:
    [[nodiscard]] std::uint64_t entry(Mfn table, std::size_t slot) const;

    const Machine& machine_;
    const Abi& abi_;
    Mfn top_;
};

}  // namespace fakexen::guest
