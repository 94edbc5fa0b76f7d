// SPDX-License-Identifier: LGPL-2.1-or-later
// Values by frame number that take memory only near numbers that were stored.
#pragma once

#include "libsr/base/error.hpp"

#include <array>
#include <cinttypes>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

namespace sr {

/// An array of T over 0..highest in which every element that was never stored has the value
/// `absent`.
///
/// Memory: 512 elements around each one stored, 32 KiB of directory for each 2^21 indices that hold
/// any, and 8 octets for each 2^21 indices up to the highest stored. A number that a stream or a
/// guest made up therefore costs some kilobytes, never a table up to it; max_octets bounds what
/// many of them may cost. Access is three loads.
template <typename T>
requires std::is_trivially_copyable_v<T> && std::equality_comparable<T>
class SparseArray {
public:
    static constexpr std::size_t chunk_entries = 512;
    static constexpr std::size_t directory_chunks = 4096;
    /// The highest index that any array may state: the 40 bits of a page-table entry's frame.
    static constexpr std::uint64_t index_limit = (std::uint64_t{1} << 40) - 1;

    /// @param highest     the highest index that may be stored, inclusive
    /// @param absent      what find() answers for all others
    /// @param max_octets  bound of octets_used()
    /// @throws Error{limit} if highest is past index_limit
    explicit SparseArray(std::uint64_t highest, T absent = T{},
                         std::size_t max_octets = std::numeric_limits<std::size_t>::max())
        : highest_{highest}, max_octets_{max_octets}, absent_{absent}
    {
        if (highest > index_limit) {
            throw Error{Errc::limit, "frame number %#" PRIx64 " is past the limit of %#" PRIx64,
                        highest, index_limit};
        }
    }

    [[nodiscard]] std::uint64_t highest() const noexcept { return highest_; }
    [[nodiscard]] std::size_t octets_used() const noexcept { return octets_used_; }

    /// The element, or `absent`; an index past highest() is absent too.
    [[nodiscard]] T find(std::uint64_t index) const noexcept
    {
        const Chunk* chunk = find_chunk(index);
        return chunk != nullptr ? (*chunk)[index % chunk_entries] : absent_;
    }

    /// Stores an element. @throws Error{limit} past highest() or max_octets, storing nothing
    void set(std::uint64_t index, T value)
    {
        if (index > highest_) {
            throw Error{Errc::limit, "frame number %#" PRIx64 " is past the highest, %#" PRIx64,
                        index, highest_};
        }
        make_chunk(index)[index % chunk_entries] = value;
    }

    /// Makes the element absent again. Its memory stays.
    void erase(std::uint64_t index) noexcept { replace(index, absent_); }

    /// Changes an element near one that was stored before; where none was, nothing happens.
    void replace(std::uint64_t index, T value) noexcept
    {
        if (Chunk* chunk = find_chunk(index)) {
            (*chunk)[index % chunk_entries] = value;
        }
    }

    /// Calls fn(index, value) for every element that is not `absent`, in rising order.
    template <typename Fn>
    void for_each(Fn&& fn) const
    {
        for (std::size_t top = 0; top < root_.size(); ++top) {
            for (std::size_t mid = 0; root_[top] && mid < directory_chunks; ++mid) {
                if (const Chunk* chunk = (*root_[top])[mid].get()) {
                    const std::uint64_t number = std::uint64_t{top} * directory_chunks + mid;
                    visit(*chunk, number * chunk_entries, fn);
                }
            }
        }
    }

private:
    using Chunk = std::array<T, chunk_entries>;
    using Directory = std::array<std::unique_ptr<Chunk>, directory_chunks>;
    static constexpr std::uint64_t directory_span = chunk_entries * directory_chunks;

    [[nodiscard]] Chunk* find_chunk(std::uint64_t index) const noexcept
    {
        const std::uint64_t top = index / directory_span;
        if (top >= root_.size() || !root_[top]) {
            return nullptr;
        }
        return (*root_[top])[index / chunk_entries % directory_chunks].get();
    }

    [[nodiscard]] Chunk& make_chunk(std::uint64_t index)
    {
        if (Chunk* chunk = find_chunk(index)) {
            return *chunk;
        }
        const auto top = static_cast<std::size_t>(index / directory_span);
        if (top >= root_.size()) {
            spend((top + 1 - root_.size()) * sizeof(root_[0]));
            root_.resize(top + 1);
        }
        if (!root_[top]) {
            spend(sizeof(Directory));
            root_[top] = std::make_unique<Directory>();
        }
        spend(sizeof(Chunk));
        auto& place = (*root_[top])[index / chunk_entries % directory_chunks];
        place = std::make_unique<Chunk>();
        place->fill(absent_);
        return *place;
    }

    /// Accounts for memory that is about to be taken.
    void spend(std::size_t octets)
    {
        if (octets > max_octets_ - octets_used_) {
            throw Error{Errc::limit,
                        "frame numbers are spread too widely: more than %zu octets to hold them",
                        max_octets_};
        }
        octets_used_ += octets;
    }

    template <typename Fn>
    void visit(const Chunk& chunk, std::uint64_t first, Fn& fn) const
    {
        for (std::size_t at = 0; at < chunk_entries; ++at) {
            if (!(chunk[at] == absent_)) {
                fn(first + at, chunk[at]);
            }
        }
    }

    std::uint64_t highest_;
    std::size_t max_octets_;
    std::size_t octets_used_ = 0;
    T absent_;
    std::vector<std::unique_ptr<Directory>> root_;
};

}  // namespace sr
