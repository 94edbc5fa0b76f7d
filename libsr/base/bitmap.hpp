// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets of frame numbers, one bit each, scanned by the word.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// Words of 64 bits that hold nr_bits bits.
[[nodiscard]] constexpr std::size_t words_for_bits(std::uint64_t nr_bits) noexcept
{
    return static_cast<std::size_t>(nr_bits / 64 + (nr_bits % 64 != 0 ? 1 : 0));
}

/// The index of the first set bit at `from` or above and below nr_bits, skipping zero words.
/// `words` may be any bitmap of that layout, such as Xen's log-dirty bitmap; it holds
/// words_for_bits(nr_bits) words at least.
[[nodiscard]] std::optional<std::uint64_t> next_set_bit(std::span<const std::uint64_t> words,
                                                        std::uint64_t nr_bits,
                                                        std::uint64_t from) noexcept;

/// Calls fn(index) for every set bit below nr_bits, in rising order.
template <typename Fn>
void for_each_set_bit(std::span<const std::uint64_t> words, std::uint64_t nr_bits, Fn&& fn)
{
    const std::size_t nr_words = words_for_bits(nr_bits);
    assert(words.size() >= nr_words);
    for (std::size_t at = 0; at < nr_words; ++at) {
        for (std::uint64_t word = words[at]; word != 0; word &= word - 1) {
            const std::uint64_t index =
                std::uint64_t{at} * 64 + static_cast<unsigned>(std::countr_zero(word));
            if (index >= nr_bits) {
                return;
            }
            fn(index);
        }
    }
}

/// Set bits below nr_bits.
[[nodiscard]] std::uint64_t count_set_bits(std::span<const std::uint64_t> words,
                                           std::uint64_t nr_bits) noexcept;

/// A set of numbers below a size that is fixed when it is made. Bits past the size are always zero.
///
/// An index at or past size() is a bug of the caller: numbers from outside are checked before they
/// come here.
class Bitmap {
public:
    /// More bits than any domain has frames; 16 GiB of memory, which the caller bounds further.
    static constexpr std::uint64_t max_bits = std::uint64_t{1} << 37;

    Bitmap() noexcept = default;
    /// All bits clear. @throws Error{limit} past max_bits, std::bad_alloc
    explicit Bitmap(std::uint64_t nr_bits);

    [[nodiscard]] std::uint64_t size() const noexcept { return nr_bits_; }

    void set(std::uint64_t index) noexcept
    {
        assert(index < nr_bits_);
        words_[index / 64] |= bit(index);
    }
    void clear(std::uint64_t index) noexcept
    {
        assert(index < nr_bits_);
        words_[index / 64] &= ~bit(index);
    }
    [[nodiscard]] bool test(std::uint64_t index) const noexcept
    {
        assert(index < nr_bits_);
        return (words_[index / 64] & bit(index)) != 0;
    }
    /// Sets or clears every bit.
    void fill(bool value) noexcept;
    /// Makes room for more numbers, none of them a member. nr_bits is no less than size(). @throws as the constructor
    void grow(std::uint64_t nr_bits);

    /// Adds every member of `other`, which has the same size.
    void or_with(const Bitmap& other) noexcept { or_with(other.words()); }
    /// Adds what raw words say, at least words_for_bits(size()) of them; bits past size() are
    /// dropped.
    void or_with(std::span<const std::uint64_t> words) noexcept;
    /// Takes over what raw words say, as or_with() into an empty set.
    void assign(std::span<const std::uint64_t> words) noexcept;
    /// Removes every member of `other`, which has the same size.
    void and_not(const Bitmap& other) noexcept;

    [[nodiscard]] std::uint64_t count() const noexcept { return count_set_bits(words_, nr_bits_); }
    [[nodiscard]] bool any() const noexcept { return next_set(0).has_value(); }

    /// The first member at `from` or above: a scan that can be left and taken up again.
    [[nodiscard]] std::optional<std::uint64_t> next_set(std::uint64_t from) const noexcept
    {
        return next_set_bit(words_, nr_bits_, from);
    }
    /// Calls fn(index) for every member, in rising order. fn must not change this bitmap.
    template <typename Fn>
    void for_each_set(Fn&& fn) const
    {
        for_each_set_bit(words_, nr_bits_, static_cast<Fn&&>(fn));
    }

    /// The bits, lowest first; views this bitmap.
    [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return words_; }

private:
    static constexpr std::uint64_t bit(std::uint64_t index) noexcept
    {
        return std::uint64_t{1} << (index % 64);
    }
    void clear_past_end() noexcept;

    std::uint64_t nr_bits_ = 0;
    std::vector<std::uint64_t> words_;
};

}  // namespace sr
