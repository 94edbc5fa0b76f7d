// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of bitmaps that need no inlining.
#include "libsr/base/bitmap.hpp"

#include "libsr/base/error.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {
namespace {

/// The bits of a bitmap's last word that count; all of them if the size is a multiple of 64.
constexpr std::uint64_t last_word_mask(std::uint64_t nr_bits) noexcept
{
    const std::uint64_t used = nr_bits % 64;
    return used == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << used) - 1;
}

std::uint64_t checked_size(std::uint64_t nr_bits)
{
    if (nr_bits > Bitmap::max_bits) {
        throw Error{Errc::limit,
                    "a bitmap of %" PRIu64 " bits is more than the %" PRIu64 " allowed", nr_bits,
                    Bitmap::max_bits};
    }
    return nr_bits;
}

}  // namespace

std::optional<std::uint64_t> next_set_bit(std::span<const std::uint64_t> words,
                                          std::uint64_t nr_bits, std::uint64_t from) noexcept
{
    if (from >= nr_bits) {
        return std::nullopt;
    }
    const std::size_t nr_words = words_for_bits(nr_bits);
    assert(words.size() >= nr_words);
    std::size_t at = static_cast<std::size_t>(from / 64);
    std::uint64_t word = words[at] & ~std::uint64_t{0} << (from % 64);
    while (word == 0) {
        if (++at == nr_words) {
            return std::nullopt;
        }
        word = words[at];
    }
    const std::uint64_t index =
        std::uint64_t{at} * 64 + static_cast<unsigned>(std::countr_zero(word));
    return index < nr_bits ? std::optional{index} : std::nullopt;
}

std::uint64_t count_set_bits(std::span<const std::uint64_t> words, std::uint64_t nr_bits) noexcept
{
    const std::size_t nr_words = words_for_bits(nr_bits);
    assert(words.size() >= nr_words);
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < nr_words; ++at) {
        const std::uint64_t mask = at + 1 == nr_words ? last_word_mask(nr_bits) : ~std::uint64_t{0};
        count += static_cast<unsigned>(std::popcount(words[at] & mask));
    }
    return count;
}

Bitmap::Bitmap(std::uint64_t nr_bits)
    : nr_bits_{checked_size(nr_bits)}, words_(words_for_bits(nr_bits))
{
}

void Bitmap::fill(bool value) noexcept
{
    std::fill(words_.begin(), words_.end(), value ? ~std::uint64_t{0} : 0);
    clear_past_end();
}

void Bitmap::grow(std::uint64_t nr_bits)
{
    assert(nr_bits >= nr_bits_);
    words_.resize(words_for_bits(checked_size(nr_bits)));
    nr_bits_ = nr_bits;
}

void Bitmap::or_with(std::span<const std::uint64_t> words) noexcept
{
    assert(words.size() >= words_.size());
    for (std::size_t at = 0; at < words_.size(); ++at) {
        words_[at] |= words[at];
    }
    clear_past_end();
}

void Bitmap::assign(std::span<const std::uint64_t> words) noexcept
{
    assert(words.size() >= words_.size());
    std::copy_n(words.begin(), words_.size(), words_.begin());
    clear_past_end();
}

void Bitmap::and_not(const Bitmap& other) noexcept
{
    assert(other.size() == size());
    for (std::size_t at = 0; at < words_.size(); ++at) {
        words_[at] &= ~other.words_[at];
    }
}

void Bitmap::clear_past_end() noexcept
{
    if (!words_.empty()) {
        words_.back() &= last_word_mask(nr_bits_);
    }
}

}  // namespace sr
